"""What the core is made of, for conformance tests and measurements only.

Nonces and randomness can be given here, and a mistake with them costs the key: no module of the product imports this one, and a test
holds that. `bytes` is read where it lies, another buffer is copied first. Calls that take more than some 20 microseconds release the GIL.
"""

from typing import TypeAlias, final

__all__ = [
    "Cipher",
    "Ed25519Key",
    "MlKemKey",
    "X25519Key",
    "ed25519_verify",
    "ed25519_verify_many",
    "fail_on_purpose",
    "hkdf",
    "hkdf_expand",
    "hkdf_extract",
    "hmac_sha256",
    "mlkem_encapsulate",
    "mlkem_encapsulate_derandomized",
    "sha256",
    "xwing_encapsulate_derandomized",
]

_Bytes: TypeAlias = bytes | bytearray | memoryview

@final
class Cipher:
    """An AEAD under one key, with nonces that the caller chooses. A nonce used twice gives the key away: `Aead` chooses by itself.

    `algorithm` is "AES-128-GCM", "AES-256-GCM" (NIST SP 800-38D) or "ChaCha20-Poly1305" (RFC 8439). XChaCha20-Poly1305 is not offered:
    nothing here needs it, and no crate in use has it.
    """

    def __new__(cls, algorithm: str, key: _Bytes) -> Cipher:
        """The key is 16 bytes for AES-128-GCM, 32 for the others. Raises Malformed."""

    def seal(self, nonce: _Bytes, plaintext: _Bytes, aad: _Bytes = b"") -> bytes:
        """ciphertext || tag (16), the nonce being 12 bytes. Raises Malformed."""

    def open(self, nonce: _Bytes, sealed: _Bytes, aad: _Bytes = b"") -> bytes:
        """Raises Malformed for the nonce's length, NotAuthentic for everything else."""

def sha256(data: _Bytes) -> bytes:
    """32 bytes (FIPS 180-4)."""

def hmac_sha256(key: _Bytes, message: _Bytes) -> bytes:
    """32 bytes (RFC 2104)."""

def hkdf_extract(salt: _Bytes, ikm: _Bytes) -> bytes:
    """A pseudorandom key of 32 bytes (RFC 5869, 2.2). An empty salt is the one of zeros."""

def hkdf_expand(prk: _Bytes, info: _Bytes, length: int) -> bytes:
    """RFC 5869, 2.3. Raises Malformed for a key below 32 bytes or a length above 8160."""

def hkdf(salt: _Bytes, ikm: _Bytes, info: _Bytes, length: int) -> bytes:
    """Both steps. Raises Malformed for a length above 8160."""

@final
class X25519Key:
    """RFC 7748."""

    @staticmethod
    def generate() -> X25519Key: ...
    @staticmethod
    def from_secret(secret: _Bytes) -> X25519Key:
        """Any 32 bytes; they are clamped where they are used (section 5). Raises Malformed."""

    @property
    def public_key(self) -> bytes:
        """32 bytes."""

    def secret(self) -> bytes: ...
    def exchange(self, peer: _Bytes) -> bytes:
        """The shared secret, 32 bytes. Raises Malformed, also where it would be zeros (section 6.1)."""

@final
class Ed25519Key:
    """RFC 8032, without a context: a signature of another protocol's message cannot be told from one of ours."""

    @staticmethod
    def generate() -> Ed25519Key: ...
    @staticmethod
    def from_secret(seed: _Bytes) -> Ed25519Key:
        """`seed` is 32 bytes. Raises Malformed."""

    @property
    def public_key(self) -> bytes:
        """32 bytes."""

    def secret(self) -> bytes:
        """The seed."""

    def sign(self, message: _Bytes) -> bytes:
        """64 bytes."""

def ed25519_verify(public_key: _Bytes, message: _Bytes, signature: _Bytes) -> None:
    """Strict (RFC 8032, 5.1.7; small orders refused). Raises NotAuthentic, Malformed for a wrong length."""

def ed25519_verify_many(batch: list[tuple[bytes, bytes, bytes]], threads: int = 0) -> None:
    """`ed25519_verify` for each (public key, message, signature), by so many threads; 0 means one for each core.

    Each is checked by itself. Raises what the first one that does not hold would have raised; the text names its place."""

@final
class MlKemKey:
    """An ML-KEM-768 decapsulation key (FIPS 203)."""

    @staticmethod
    def generate() -> MlKemKey: ...
    @staticmethod
    def from_seed(seed: _Bytes) -> MlKemKey:
        """`seed` is d || z, 64 bytes. Raises Malformed."""

    @staticmethod
    def from_expanded(expanded: _Bytes) -> MlKemKey:
        """2400 bytes. Whether they are a key (section 7.3) is held against them by `decapsulate`. Raises Malformed."""

    @property
    def public_key(self) -> bytes:
        """The encapsulation key, 1184 bytes."""

    def expanded(self) -> bytes:
        """2400 bytes."""

    def decapsulate(self, encapsulation: _Bytes) -> bytes:
        """The shared secret, 32 bytes. Implicit rejection: a wrong encapsulation gives another one. Raises Malformed."""

def mlkem_encapsulate(public_key: _Bytes) -> tuple[bytes, bytes]:
    """(shared secret 32, encapsulation 1088). Raises Malformed, also for a key that is none (FIPS 203, 7.2)."""

def mlkem_encapsulate_derandomized(public_key: _Bytes, randomness: _Bytes) -> tuple[bytes, bytes]:
    """`mlkem_encapsulate` with m (32 bytes) given, for vectors: whoever knows it knows the secret."""

def xwing_encapsulate_derandomized(public_key: _Bytes, randomness: _Bytes) -> tuple[bytes, bytes]:
    """`encapsulate` with its 64 random bytes given (draft-connolly-cfrg-xwing-kem, 5.4.1), for vectors. Raises Malformed."""

def fail_on_purpose(detached: bool) -> None:
    """Panics inside, with or without the GIL, and so raises Panicked: how a test sees what becomes of a panic."""

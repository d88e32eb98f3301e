"""The cryptographic core: MLS, X-Wing, AEAD, OPAQUE and signatures over audited Rust crates.

Keys and messages are `bytes`; secrets live in Rust objects, are wiped when these go, and their `repr` shows nothing. Calls that take
more than some 20 microseconds release the GIL. Every refusal raises; nothing returns False for a failed check.
"""

from typing import Final, TypeAlias, final

from qnpc._core import primitives

__all__ = [
    "KEY_PACKAGE_FRESH",
    "SUITES",
    "SUITE_CLASSICAL",
    "SUITE_HYBRID",
    "Aead",
    "Application",
    "Argon2",
    "Certificate",
    "Change",
    "CoreError",
    "Device",
    "EpochStale",
    "Group",
    "HybridKey",
    "Identity",
    "KeyPackageInfo",
    "Malformed",
    "Member",
    "MessageInfo",
    "MlsStore",
    "NotAuthentic",
    "OpaqueClientLogin",
    "OpaqueClientRegistration",
    "OpaqueServer",
    "OpaqueServerLogin",
    "OwnCommit",
    "Panicked",
    "PendingCommit",
    "Refused",
    "StateError",
    "Tracker",
    "Unreadable",
    "decapsulate",
    "encapsulate",
    "generate_key_packages",
    "inspect_key_package",
    "inspect_message",
    "open_envelope",
    "open_vault",
    "primitives",
    "seal_envelope",
    "seal_vault",
    "vault_header",
    "verify",
    "verify_hybrid_key",
]

# -- errors ---------------------------------------------------------------------------------------------------------------------

class CoreError(Exception):
    """The base of what the core raises. Its text names no secret and no plaintext."""

class Malformed(CoreError):
    """Bytes that do not parse, or a value out of range."""

class NotAuthentic(CoreError):
    """A tag or signature does not verify, a password is wrong, or a key does not fit."""

class EpochStale(CoreError):
    """A handshake or application message of an epoch that this state is not in."""

class Refused(CoreError):
    """A well-formed commit, tree or key package that breaks the objective policy. The text says which rule."""

class Unreadable(CoreError):
    """A message that this state can never read, whatever is tried: too old, its key used already, from before joining or after removal."""

class StateError(CoreError):
    """A local failure (storage, library, misuse). Discard the store's delta, drop the group, load it again."""

class Panicked(StateError):
    """The core failed inside, which is a bug: E025. As after any StateError: discard, drop, load again. The text names a line, no data."""

# -- AEAD, X-Wing, envelope, vault ------------------------------------------------------------------------------------------------

_Bytes: TypeAlias = bytes | bytearray | memoryview
"""`bytes` is read where it lies, another buffer is copied first."""

@final
class Aead:
    """AES-256-GCM under one 32-byte key, with a random 12-byte nonce before each ciphertext.

    A key may seal 2**32 messages at most (NIST SP 800-38D); nobody here comes near.
    """

    def __new__(cls, key: _Bytes) -> Aead: ...
    def seal(self, plaintext: _Bytes, aad: _Bytes = b"") -> bytes:
        """nonce || ciphertext || tag: 28 bytes longer than the plaintext."""

    def open(self, sealed: _Bytes, aad: _Bytes = b"") -> bytes:
        """Raises NotAuthentic."""

@final
class HybridKey:
    """An X-Wing key pair (draft-connolly-cfrg-xwing-kem): ML-KEM-768 and X25519."""

    @staticmethod
    def generate() -> HybridKey: ...
    @staticmethod
    def from_secret(seed: _Bytes) -> HybridKey:
        """`seed` is 32 bytes. Raises Malformed."""

    @property
    def public_key(self) -> bytes:
        """1216 bytes."""

    def secret(self) -> bytes:
        """The seed, 32 bytes; for the vault only."""

def encapsulate(public_key: bytes) -> tuple[bytes, bytes]:
    """(shared secret 32, encapsulation 1120) for an X-Wing public key of 1216 bytes. Raises Malformed."""

def decapsulate(key: HybridKey, encapsulation: bytes) -> bytes:
    """The shared secret, 32 bytes. Implicit rejection: a wrong encapsulation gives another secret.

    Raises Malformed for a wrong length, and for an X25519 point of small order."""

def verify_hybrid_key(device: bytes, public_key: bytes, signature: bytes) -> None:
    """Holds a hybrid key against the device that signed it (`Device.sign_hybrid_key`). Raises NotAuthentic, Malformed."""

def seal_envelope(
    recipient: bytes, sender: Device, certificate: bytes, context: bytes, plaintext: bytes
) -> bytes:
    """Seal to an X-Wing public key; sender's certificate and signature are inside.

    The AEAD key comes from HKDF-SHA256 over shared secret, encapsulation, recipient key and `context`; nonce random. The signature
    covers recipient key, context, encapsulation and plaintext, so an envelope cannot be sealed again for somebody else. Raises Malformed.
    """

def open_envelope(key: HybridKey, context: bytes, envelope: bytes) -> tuple[Certificate, bytes]:
    """(sender's certificate, plaintext). The certificate is verified in itself; whether its identity is trusted is the caller's question.

    Raises Malformed, NotAuthentic."""

def seal_vault(key: bytes, header: bytes, plaintext: bytes) -> bytes:
    """The QPCE bytes of a profile's vault.

    b"QPCE", version 1, u16 length of `header`, header (which names the key derivation and its salt), nonce, AES-256-GCM; everything
    before the nonce is bound. `key` is 32 bytes. Raises Malformed."""

def open_vault(key: bytes, vault: bytes) -> bytes:
    """The plaintext. Raises Malformed (not QPCE, cut short, unknown version), NotAuthentic (wrong key or changed)."""

def vault_header(vault: bytes) -> bytes:
    """The header, without a key and not yet authenticated. Raises Malformed."""

# -- identity -------------------------------------------------------------------------------------------------------------------

@final
class Identity:
    """An account's Ed25519 identity key."""

    @staticmethod
    def generate() -> Identity: ...
    @staticmethod
    def from_secret(seed: _Bytes) -> Identity: ...
    @property
    def public_key(self) -> bytes:
        """32 bytes."""

    def secret(self) -> bytes:
        """The seed, 32 bytes; for the vault, and sealed for recovery."""

    def sign(self, context: str, message: bytes) -> bytes:
        """64 bytes over b"qnpc/v1 " || context || 0x00 || message. Never collides with what MLS signs (RFC 9420, 5.1.2)."""

    def certify(self, username: str, device: bytes, created: int) -> bytes:
        """A device certificate: version, username, identity key, device key, created (Unix milliseconds), signature."""

@final
class Device:
    """A device's Ed25519 key, which is also its MLS signature key."""

    @staticmethod
    def generate() -> Device: ...
    @staticmethod
    def from_secret(seed: _Bytes) -> Device: ...
    @property
    def public_key(self) -> bytes:
        """32 bytes: the name of the device on the wire."""

    def secret(self) -> bytes: ...
    def sign(self, context: str, message: bytes) -> bytes: ...
    def sign_hybrid_key(self, public_key: bytes) -> bytes:
        """The signature that goes with an uploaded hybrid key."""

@final
class Certificate:
    """A verified device certificate: the identity of the MLS BasicCredential (RFC 9420, 5.3)."""

    @staticmethod
    def parse(data: bytes) -> Certificate:
        """Parses strictly and verifies the identity key's signature. Raises Malformed, NotAuthentic."""

    @property
    def username(self) -> str: ...
    @property
    def identity_key(self) -> bytes: ...
    @property
    def device(self) -> bytes: ...
    @property
    def created(self) -> int:
        """Unix milliseconds."""

    def __bytes__(self) -> bytes: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

def verify(public_key: bytes, context: str, message: bytes, signature: bytes) -> None:
    """The counterpart of `Identity.sign` and `Device.sign`, strict (RFC 8032, small orders refused). Raises NotAuthentic, Malformed."""

# -- OPAQUE (RFC 9807): ristretto255, SHA-512, Argon2id ---------------------------------------------------------------------------

@final
class Argon2:
    """Argon2id parameters of the key stretching, which runs on the client. Default 64 MiB, 3 passes, 4 lanes."""

    def __new__(cls, memory_kib: int = 65536, iterations: int = 3, parallelism: int = 4) -> Argon2: ...

@final
class OpaqueServer:
    """The node's half. `setup` (128 bytes) is its long-term secret: lost, no password works any more."""

    def __new__(cls, setup: bytes | None = None) -> OpaqueServer:
        """None makes a new setup. Raises Malformed."""

    def setup(self) -> bytes: ...
    def registration_response(self, username: str, request: bytes) -> bytes:
        """Raises Malformed."""

    def registration_record(self, upload: bytes) -> bytes:
        """What is stored (192 bytes). Raises Malformed."""

    def start_login(
        self, username: str, record: bytes | None, request: bytes, node: bytes
    ) -> tuple[bytes, OpaqueServerLogin]:
        """(KE2, state). With `record` None the answer is a fake one that cannot be told apart (RFC 9807, 6.3.2.2). `node` is the pin.

        Raises Malformed."""

@final
class OpaqueServerLogin:
    def finish(self, ke3: bytes) -> bytes:
        """The session key. Consumes the state. Raises NotAuthentic, Malformed; StateError when used twice."""

@final
class OpaqueClientRegistration:
    def __new__(cls, password: bytes) -> OpaqueClientRegistration: ...
    @property
    def request(self) -> bytes: ...
    def finish(
        self, response: bytes, username: str, node: bytes, argon2: Argon2 | None = None
    ) -> tuple[bytes, bytes]:
        """(upload, export key 64 bytes). Consumes the state. Raises Malformed, StateError."""

@final
class OpaqueClientLogin:
    def __new__(cls, password: bytes) -> OpaqueClientLogin: ...
    @property
    def request(self) -> bytes: ...
    def finish(
        self, response: bytes, username: str, node: bytes, argon2: Argon2 | None = None
    ) -> tuple[bytes, bytes, bytes]:
        """(KE3, session key, export key 64 bytes). Consumes the state.

        Raises NotAuthentic for a wrong password or name, Malformed, StateError."""

# -- MLS (RFC 9420) ---------------------------------------------------------------------------------------------------------------

SUITE_CLASSICAL: Final = 0x0001
SUITE_HYBRID: Final = 0x004F
SUITES: Final[tuple[int, ...]]
KEY_PACKAGE_FRESH: Final[int]
"""Seconds that a KeyPackage must still live when it is added; `Group.commit_add` and `Tracker.process` refuse it otherwise."""

@final
class MlsStore:
    """All MLS state of one device as rows, with the changes since the last `take_delta` on top.

    A row is (scope, key, value); the scope is a group's id, or b"" for what belongs to the device (key packages). Rows of a scope must
    be loaded before a group of it is. Nothing is durable here: the caller writes the delta in the transaction that needs it.
    """

    def __new__(cls) -> MlsStore: ...
    def load(self, rows: list[tuple[bytes, bytes, bytes]]) -> None:
        """Adds rows as they are in the database. Raises StateError while a delta is pending."""

    def take_delta(self) -> list[tuple[bytes, bytes, bytes | None]]:
        """The changes, None for a deleted row, in a fixed order; they count as stored from now on.

        Deferred secrets are flushed by `Group.flush`, not here: call that first for each group that processed messages."""

    def discard(self) -> None:
        """Forgets the delta. Groups loaded from this store must be dropped and loaded again."""

@final
class KeyPackageInfo:
    """A validated KeyPackage: signature, lifetime, certificate and required capabilities hold."""

    @property
    def suite(self) -> int: ...
    @property
    def certificate(self) -> Certificate: ...
    @property
    def reference(self) -> bytes:
        """The hash reference (RFC 9420, 5.2)."""

    @property
    def not_after(self) -> int:
        """Unix seconds."""

def generate_key_packages(
    store: MlsStore, device: Device, certificate: bytes, suite: int, count: int
) -> list[bytes]:
    """`count` one-time KeyPackages as MLSMessages, lifetime 83 days; their private parts go to the store. Raises Malformed, StateError."""

def inspect_key_package(message: bytes) -> KeyPackageInfo:
    """Raises Malformed, NotAuthentic, Refused (expired, unknown suite, no roles extension, certificate of another key)."""

@final
class MessageInfo:
    """What an MLSMessage says in the clear; nothing is verified."""

    @property
    def kind(self) -> str:
        """One of "application", "commit", "proposal", "welcome", "group_info" and "key_package"."""

    @property
    def private(self) -> bool: ...
    @property
    def group_id(self) -> bytes: ...
    @property
    def epoch(self) -> int: ...
    @property
    def authenticated_data(self) -> bytes: ...

def inspect_message(message: bytes) -> MessageInfo:
    """Raises Malformed."""

@final
class Member:
    """A leaf of the tree."""

    @property
    def leaf(self) -> int: ...
    @property
    def certificate(self) -> Certificate: ...
    @property
    def username(self) -> str: ...
    @property
    def identity_key(self) -> bytes: ...
    @property
    def device(self) -> bytes: ...
    @property
    def admin(self) -> bool: ...

@final
class Application:
    """A decrypted application message."""

    @property
    def sender(self) -> Member: ...
    @property
    def epoch(self) -> int: ...
    @property
    def message_id(self) -> bytes: ...
    @property
    def plaintext(self) -> bytes: ...

@final
class Change:
    """A commit that verified and passed the policy, not merged yet. The same type at node and client."""

    @property
    def committer(self) -> Member: ...
    @property
    def epoch(self) -> int:
        """The epoch that it leads to."""

    @property
    def message_id(self) -> bytes: ...
    @property
    def added(self) -> list[Member]: ...
    @property
    def removed(self) -> list[Member]: ...
    @property
    def removes_self(self) -> bool:
        """At a client: this device is removed by it. False at the node."""

@final
class OwnCommit:
    """Our own pending commit came back: `Group.merge_pending` applies it."""

    @property
    def message_id(self) -> bytes: ...
    @property
    def epoch(self) -> int: ...

@final
class PendingCommit:
    """A commit of our own, staged in the group until `merge_pending` or `clear_pending`."""

    @property
    def commit(self) -> bytes:
        """A signed PublicMessage."""

    @property
    def welcome(self) -> bytes | None:
        """One Welcome for all that are added; the tree travels out of band."""

    @property
    def group_info(self) -> bytes:
        """Of the new epoch, without the tree, signed by us."""

@final
class Group:
    """One group's state at one device. Every method that changes it writes to the store; nothing is durable before the delta is.

    Suites SUITE_CLASSICAL and SUITE_HYBRID; padding 256; two past epochs; handshakes are PublicMessages; every leaf supports the
    roles extension. After any StateError: discard, drop this object, load again.
    """

    @staticmethod
    def create(store: MlsStore, device: Device, certificate: bytes, group_id: bytes, suite: int) -> Group:
        """A group of one, its creator the admin. Raises Malformed, StateError."""

    @staticmethod
    def load(store: MlsStore, device: Device, group_id: bytes) -> Group | None: ...
    @staticmethod
    def join(store: MlsStore, device: Device, welcome: bytes, tree: bytes) -> Group:
        """From a Welcome for one of the store's KeyPackages, which is used up. Checks the policy of every leaf.

        Raises Malformed, NotAuthentic, Refused, Unreadable (no such KeyPackage), StateError."""

    @property
    def group_id(self) -> bytes: ...
    @property
    def suite(self) -> int: ...
    @property
    def epoch(self) -> int: ...
    @property
    def active(self) -> bool:
        """False once this device was removed."""

    @property
    def pending(self) -> bool:
        """A commit of our own waits for `merge_pending` or `clear_pending`."""

    def members(self) -> list[Member]: ...
    def own_leaf(self) -> int: ...
    def encrypt(self, plaintext: bytes, message_id: bytes) -> bytes:
        """A PrivateMessage with `message_id` (16 bytes) as authenticated_data. Persist the delta before it leaves.

        Raises Malformed, StateError (also while a commit is pending)."""

    def process(self, message: bytes) -> Application | Change | OwnCommit:
        """One message of the group's log. A Change still has to be merged.

        Raises Malformed, NotAuthentic, EpochStale, Refused, Unreadable: all of them deterministic; the state is as before.
        StateError: discard and load again."""

    def merge(self, change: Change) -> None:
        """Applies a Change of this group's current epoch, once. Drops our own pending commit, if any. Raises StateError."""

    def flush(self) -> None:
        """Writes what `process` deferred. Before each `take_delta`. (`merge`, `encrypt` and commits flush by themselves.)"""

    def commit_add(self, key_packages: list[bytes], message_id: bytes) -> PendingCommit:
        """Raises Malformed, NotAuthentic, Refused, StateError."""

    def commit_remove(self, devices: list[bytes], message_id: bytes) -> PendingCommit:
        """Raises Refused (not a member, not an admin), StateError."""

    def commit_update(self, message_id: bytes) -> PendingCommit:
        """Fresh key material for our leaf and path."""

    def merge_pending(self) -> None: ...
    def clear_pending(self) -> None: ...
    def group_info(self) -> bytes:
        """Of the current epoch, signed, without the tree."""

    def tree(self) -> bytes:
        """The ratchet tree (RFC 9420, 12.4.3.3)."""

    def export(self, label: str, context: bytes, length: int) -> bytes:
        """The exporter (RFC 9420, 8.5)."""

    def epoch_authenticator(self) -> bytes:
        """Equal at members that agree on everything up to here (RFC 9420, 8.7)."""

    def delete(self) -> None:
        """Removes every row of the group from the store."""

@final
class Tracker:
    """The public half of a group, as the node follows it: checks handshakes, never decrypts."""

    @staticmethod
    def from_group_info(group_info: bytes, tree: bytes) -> Tracker:
        """Lifetimes in the tree are not held against it. Raises Malformed, NotAuthentic, Refused."""

    @property
    def group_id(self) -> bytes: ...
    @property
    def suite(self) -> int: ...
    @property
    def epoch(self) -> int: ...
    def members(self) -> list[Member]: ...
    def tree(self) -> bytes: ...
    def process(self, commit: bytes, sender: bytes, group_info: bytes) -> Change:
        """Checks one commit posted by device `sender`, with the GroupInfo of the epoch it leads to.

        Signature, epoch, the objective policy, that the committer is the sender, and that the GroupInfo matches the new context and
        is signed by the committer. Nothing is applied. Raises Malformed, NotAuthentic, EpochStale, Refused."""

    def tree_after(self, change: Change) -> bytes:
        """The ratchet tree of the epoch that `change` leads to."""

    def merge(self, change: Change) -> None:
        """Applies it, once. Raises StateError."""

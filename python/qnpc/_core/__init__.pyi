"""The cryptographic core: MLS, X-Wing, AEAD, OPAQUE and signatures over audited Rust crates.

Keys and messages are `bytes`; secrets live in Rust objects, are wiped when these go, and their `repr` shows nothing. Calls that take
more than some 20 microseconds release the GIL. Every refusal raises; nothing returns False for a failed check.
"""

from typing import Final, TypeAlias, final

from qnpc._core import primitives, simulation

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
    "ExternalCommit",
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
    "PacketProtection",
    "Panicked",
    "PassiveClient",
    "PendingCommit",
    "Refused",
    "Revocation",
    "SafetyNumber",
    "StateError",
    "StoredKeyPackage",
    "Tracker",
    "Unreadable",
    "decapsulate",
    "encapsulate",
    "encrypt_many",
    "generate_key_packages",
    "generate_last_resort",
    "inspect_key_package",
    "inspect_message",
    "open_envelope",
    "open_vault",
    "primitives",
    "process_many",
    "seal_envelope",
    "seal_vault",
    "simulation",
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
class PacketProtection:
    """The keys of QUIC packets in one direction (RFC 9001, 5.3 and 5.4). Never copied, printed or given back."""

    def __new__(cls, algorithm: str, key: _Bytes, iv: _Bytes, header_key: _Bytes) -> PacketProtection:
        """`algorithm` is "AES-128-GCM", "AES-256-GCM" or "ChaCha20-Poly1305"; both keys are 16 bytes for the first and 32 for the
        others, `iv` is 12. Raises Malformed.
        """

    def seal(self, header: bytes, payload: bytes, number: int) -> bytes:
        """A packet, 16 bytes longer than its header and payload. The header ends with the last bytes of `number`, as many as its first
        byte says; with the payload that is at least 4 bytes from the number's first on. No number may come twice. Raises Malformed.
        """

    def open(
        self, packet: bytes, offset: int, expected: int, key_phase: bool
    ) -> tuple[bytes, bytes, int] | None:
        """Header, payload and number of a packet whose number starts at `offset`, the next one being `expected` (RFC 9000, A.3). None when
        it was not sealed with these keys, or has a short header of the other key phase (RFC 9001, 6).
        """

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

    def revoke(self, device: bytes, revoked: int) -> bytes:
        """A revocation: version, identity key, device key, revoked (Unix milliseconds), signature. It is final. Raises Malformed."""

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

@final
class Revocation:
    """A verified revocation of a device: its account says that it is its own no longer."""

    @staticmethod
    def parse(data: bytes) -> Revocation:
        """Parses strictly and verifies the identity key's signature. Raises Malformed, NotAuthentic."""

    @property
    def identity_key(self) -> bytes: ...
    @property
    def device(self) -> bytes: ...
    @property
    def revoked(self) -> int:
        """Unix milliseconds."""

    def covers(self, certificate: Certificate) -> bool:
        """Whether it is for that device, by the account that had certified it."""

    def __bytes__(self) -> bytes: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class SafetyNumber:
    """What two people compare to know that each has the other's identity key. Making one takes some milliseconds.

    Per account 30 digits out of 5200 rounds of SHA-512 over a domain, version 1, identity key and username (rust/crypto/fingerprint.rs)."""

    def __new__(
        cls, username: str, identity_key: bytes, other_username: str, other_identity_key: bytes
    ) -> SafetyNumber:
        """Ours first. Raises Malformed."""

    @property
    def digits(self) -> str:
        """60 digits, the same for both; usually shown in groups of five."""

    @property
    def code(self) -> bytes:
        """69 bytes for a QR code, to be scanned by the other side."""

    def check(self, scanned: bytes) -> None:
        """Holds a code that was scanned off the other side against ours.

        Raises NotAuthentic (of another account, or of one with another key), Unreadable (of another version), Malformed (no such code)."""

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

    def key_packages(self) -> list[StoredKeyPackage]:
        """What a device that makes new KeyPackages has of old ones. The rows of scope b"" must be loaded. Raises StateError."""

    def delete_key_packages(self, references: list[bytes]) -> int:
        """Deletes private parts; a Welcome for one of them opens no more. How many of `references` were there. Raises StateError."""

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

    @property
    def last_resort(self) -> bool:
        """It may be used more than once, and should be used only when there is no other."""

@final
class StoredKeyPackage:
    """A KeyPackage of our own whose private part is in the store: not used yet, or the last resort."""

    @property
    def suite(self) -> int: ...
    @property
    def reference(self) -> bytes:
        """The hash reference (RFC 9420, 5.2)."""

    @property
    def not_after(self) -> int:
        """Unix seconds."""

    @property
    def last_resort(self) -> bool: ...

def generate_key_packages(
    store: MlsStore, device: Device, certificate: bytes, suite: int, count: int
) -> list[bytes]:
    """`count` one-time KeyPackages as MLSMessages, lifetime 83 days; their private parts go to the store. Raises Malformed, StateError."""

def generate_last_resort(store: MlsStore, device: Device, certificate: bytes, suite: int) -> bytes:
    """The KeyPackage for when there is no other, lifetime 83 days. Joining by it does not use it up. Raises Malformed, StateError."""

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
    def message_id(self) -> bytes:
        """The 16 bytes with which `authenticated_data` begins; empty if there are fewer."""

    @property
    def authenticated_data(self) -> bytes:
        """The message id, and in a commit what it quotes."""

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
    def committer(self) -> Member:
        """As of the epoch before; of the new one for a device that joined by itself."""

    @property
    def external(self) -> bool:
        """The committer joined by itself. It is the one that was added, and the one that was removed if it was in the group before."""

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
    def left(self) -> list[Member]:
        """Those of `removed` who asked for it."""

    @property
    def revoked(self) -> list[Member]:
        """Those of `removed` whose revocation the commit quotes."""

    @property
    def promoted(self) -> list[bytes]:
        """The accounts that it makes admins, by identity key."""

    @property
    def demoted(self) -> list[bytes]:
        """The accounts that are admins no longer."""

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
class ExternalCommit:
    """A commit by which this device joins by itself (RFC 9420, 12.4.3.2), made beside the store; dropped, it leaves no trace.

    Keep it whole in the outbox until the node has decided: once accepted, `Group.adopt` takes the rows over."""

    @property
    def commit(self) -> bytes:
        """A signed PublicMessage."""

    @property
    def group_info(self) -> bytes:
        """Of the new epoch, without the tree, signed by us."""

    @property
    def group_id(self) -> bytes: ...
    @property
    def epoch(self) -> int:
        """The epoch that it leads to."""

    def members(self) -> list[Member]:
        """Of that epoch. A roster that differs from what this device last saw is for its user to accept before anything is sent."""

    def rows(self) -> list[tuple[bytes, bytes, bytes]]:
        """The group's state as rows, secrets among them."""

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

    @staticmethod
    def external_commit(
        store: MlsStore,
        device: Device,
        certificate: bytes,
        group_info: bytes,
        tree: bytes,
        message_id: bytes,
        *,
        removed: list[bytes] = ...,
    ) -> ExternalCommit:
        """A commit by which `device` joins, or takes a new leaf for the one that it has. Reads the store and writes nothing.

        Raises Malformed, NotAuthentic, StateError, and Refused: nobody of the account is in the group; this device knows that it was
        removed; the epoch is before the one in the store; the GroupInfo's signer is one of the `removed` devices."""

    @staticmethod
    def adopt(store: MlsStore, device: Device, rows: list[tuple[bytes, bytes, bytes]]) -> Group:
        """The rows of an ExternalCommit that was accepted, in place of what the store holds of the group. Once: StateError after that.

        Raises Malformed, StateError."""

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

    def process(
        self, message: bytes, *, barred: list[bytes] | None = None
    ) -> Application | Change | OwnCommit:
        """One message of the group's log. A Change still has to be merged.

        A device that was removed or revoked returns only by an Add, and who that is the group does not remember: external commits of
        the devices in `barred` are refused, and with None all of them.

        Raises Malformed, NotAuthentic, EpochStale, Refused, Unreadable: all of them deterministic; the state is as before.
        StateError: discard and load again."""

    def merge(self, change: Change) -> None:
        """Applies a Change of this group's current epoch, once. Drops our own pending commit, if any. Raises StateError."""

    def forget_epochs(self, seconds: int) -> None:
        """Forgets the secrets of past epochs that began longer ago than this, by the system's clock. Raises StateError."""

    def flush(self) -> None:
        """Writes what `process` deferred. Before each `take_delta`. (`merge`, `encrypt` and commits flush by themselves.)"""

    def commit_add(self, key_packages: list[bytes], message_id: bytes) -> PendingCommit:
        """Raises Malformed, NotAuthentic, Refused, StateError."""

    def commit_remove(
        self,
        devices: list[bytes],
        message_id: bytes,
        *,
        leave_requests: list[bytes] = ...,
        revocations: list[bytes] = ...,
    ) -> PendingCommit:
        """Removes `devices`, which takes an admin for those of other accounts; and the devices of the leave requests and revocations,
        which anybody may, since the commit quotes them. A device is named once.

        Raises Malformed, NotAuthentic, StateError, and Refused: not a member, not an admin, a request or revocation that does not hold
        (any more), the last admin asks to leave."""

    def commit_roles(self, promote: list[bytes], demote: list[bytes], message_id: bytes) -> PendingCommit:
        """Makes accounts of the group admins, and others admins no longer, by identity key. Admins may, and one stays.

        Raises Malformed (no change, or not an admin before), Refused, StateError."""

    def commit_update(self, message_id: bytes) -> PendingCommit:
        """Fresh key material for our leaf and path."""

    def leave_request(self) -> bytes:
        """A request, signed by this device, that the others remove it. It holds until this device's next commit in the group.

        Raises Refused for a device that has not committed since it was added (an update will do), StateError."""

    def leaver(self, request: bytes) -> Member:
        """The member that a leave request is of. Raises Malformed, NotAuthentic, Refused for one that does not hold in this epoch."""

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

def encrypt_many(batch: list[tuple[Group, bytes, bytes]], threads: int = 0) -> list[bytes]:
    """`Group.encrypt(plaintext, message_id)` for each (group, plaintext, message_id), by so many threads; 0 means one for each core.

    Raises what the first that fails raised, after all were tried: discard then. A group may come more than once."""

def process_many(
    batch: list[tuple[Group, list[bytes], list[bytes] | None]], threads: int = 0
) -> list[list[Application | Change | OwnCommit | CoreError]]:
    """`Group.process` for the messages of each (group, messages, barred), by so many threads; 0 means one for each core.

    Each group's messages in order, up to the first commit, which must be merged before the next. What `process` would raise stands in
    the place of its message; after a StateError nothing follows."""

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
    def leaver(self, request: bytes) -> Member:
        """The member that a leave request is of. Raises Malformed, NotAuthentic, Refused for one that does not hold in this epoch."""

    def tree(self) -> bytes: ...
    def process(
        self, commit: bytes, sender: bytes, group_info: bytes, *, barred: list[bytes] | None = None
    ) -> Change:
        """Checks one commit posted by device `sender`, with the GroupInfo of the epoch it leads to. `barred` as for `Group.process`.

        Signature, epoch, the objective policy, that the committer is the sender, and that the GroupInfo matches the new context and
        is signed by the committer. Nothing is applied. Raises Malformed, NotAuthentic, EpochStale, Refused."""

    def tree_after(self, change: Change) -> bytes:
        """The ratchet tree of the epoch that `change` leads to."""

    def merge(self, change: Change) -> None:
        """Applies it, once. Raises StateError."""

# -- conformance, for tests alone ---------------------------------------------------------------------------------------------------

@final
class PassiveClient:
    """A member that only follows, for the passive-client vectors of the MLS working group: no policy, suites 1 to 3 and 0x004F.

    Its group is loaded anew from the store for every epoch. Unreadable says that a vector asks for what is not implemented here; any
    other CoreError, that the implementation fails it."""

    def __new__(
        cls,
        key_package: bytes,
        init_key: bytes,
        encryption_key: bytes,
        external_psks: list[tuple[bytes, bytes]],
    ) -> PassiveClient:
        """A KeyPackage as MLSMessage with its two private keys, and PSKs as (id, secret)."""

    def join(self, welcome: bytes, tree: bytes | None = None) -> bytes:
        """The epoch authenticator (RFC 9420, 8.7)."""

    def process(self, proposals: list[bytes], commit: bytes) -> bytes:
        """The epoch authenticator of the epoch that the commit leads to."""

"""What qnpc makes of the primitives: envelopes, passwords. Argon2id has a peer; the others have none, and are there to be watched."""

from __future__ import annotations

from collections.abc import Iterator

from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from qnpc import _core
from qnpc.benchmarks.core.peers import CRYPTOGRAPHY
from qnpc.benchmarks.core.race import OURS, Work
from qnpc.ports import Random

_MEMORY_KIB, _PASSES, _LANES = 65536, 3, 4


def rows(random: Random) -> Iterator[tuple[str, dict[str, Work]]]:
    yield from _envelope(random)
    yield from _opaque()
    salt, password = random.bytes(16), b"correct horse battery staple"

    def ours() -> bytes:  # as the vault has it: the key of a profile
        return hash_secret_raw(password, salt, _PASSES, _MEMORY_KIB, _LANES, 32, Type.ID)

    def theirs() -> bytes:
        return Argon2id(
            salt=salt, length=32, iterations=_PASSES, lanes=_LANES, memory_cost=_MEMORY_KIB
        ).derive(password)

    yield "Argon2id 64 MiB, 3 passes, 4 lanes (argon2-cffi)", {OURS: ours, CRYPTOGRAPHY: theirs}


def _envelope(random: Random) -> Iterator[tuple[str, dict[str, Work]]]:
    identity, device, key = _core.Identity.generate(), _core.Device.generate(), _core.HybridKey.generate()
    certificate = identity.certify("ada", device.public_key, 1)
    public, plaintext = key.public_key, random.bytes(1024)
    envelope = _core.seal_envelope(public, device, certificate, b"bench", plaintext)
    yield (
        "envelope seal 1 KB",
        {OURS: lambda: _core.seal_envelope(public, device, certificate, b"bench", plaintext)},
    )
    yield "envelope open 1 KB", {OURS: lambda: _core.open_envelope(key, b"bench", envelope)}


def _opaque() -> Iterator[tuple[str, dict[str, Work]]]:
    server, pin, cheap = _core.OpaqueServer(), bytes(32), _core.Argon2(8, 1, 1)
    registration = _core.OpaqueClientRegistration(b"password")
    response = server.registration_response("ada", registration.request)
    upload, _ = registration.finish(response, "ada", pin, cheap)
    record = server.registration_record(upload)
    request = _core.OpaqueClientLogin(b"password").request
    yield "OPAQUE server login start", {OURS: lambda: server.start_login("ada", record, request, pin)}
    yield (
        "OPAQUE server login start, unknown user",
        {OURS: lambda: server.start_login("nobody", None, request, pin)},
    )

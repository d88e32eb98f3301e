"""Nothing that Python prints of the core shows a secret: no repr, no error."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest

from qnpc import _core
from qnpc._core import (
    Aead,
    Argon2,
    Certificate,
    CoreError,
    Device,
    HybridKey,
    Identity,
    OpaqueClientLogin,
    OpaqueClientRegistration,
    OpaqueServer,
    PacketProtection,
    open_envelope,
    open_vault,
    primitives,
    seal_envelope,
    seal_vault,
    verify,
)

CANARY = b"CANARYCANARYCANARYCANARYCANARY!!"
SERVER = OpaqueServer()
LOGIN = OpaqueClientLogin(CANARY)
DEVICE = Device.from_secret(CANARY)
CERTIFICATE = Identity.from_secret(CANARY).certify("alice", DEVICE.public_key, 1)
HOLDERS = [
    Aead(CANARY),
    PacketProtection("AES-256-GCM", CANARY, CANARY[:12], CANARY),
    HybridKey.from_secret(CANARY),
    Identity.from_secret(CANARY),
    DEVICE,
    SERVER,
    SERVER.start_login("alice", None, LOGIN.request, b"")[1],
    OpaqueClientRegistration(CANARY),
    LOGIN,
    primitives.Cipher("AES-256-GCM", CANARY),
    primitives.X25519Key.from_secret(CANARY),
    primitives.Ed25519Key.from_secret(CANARY),
    primitives.MlKemKey.from_seed(CANARY + CANARY),
]


def shows(text: str) -> bool:
    """Whether a text holds the canary in one of the ways in which bytes get printed."""
    lowered = text.lower()
    return any(form in lowered for form in ("canary", CANARY.hex()[:8], "67, 65, 78", "434143"))


def test_the_search_finds_what_it_should() -> None:
    for text in (repr(CANARY), CANARY.hex(), str(list(CANARY)), CANARY.decode()):
        assert shows(text)


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__name__)
def test_what_holds_a_secret_prints_nothing_of_it(holder: object) -> None:
    for text in (repr(holder), str(holder), f"{holder}", repr([holder]), repr(dir(holder))):
        assert not shows(text)
    assert repr(holder).startswith("<qnpc._core.")


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__name__)
def test_what_holds_a_secret_cannot_be_copied_out_unnoticed(holder: object) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError):
            pickle.dumps(holder, protocol)
    with pytest.raises(TypeError):
        copy.deepcopy(holder)
    assert not hasattr(holder, "__dict__")


REFUSED: list[Callable[[], object]] = [
    lambda: Aead(CANARY[1:]),
    lambda: Aead(CANARY).open(CANARY),
    lambda: PacketProtection(CANARY.decode(), CANARY, CANARY[:12], CANARY),
    lambda: PacketProtection("AES-256-GCM", CANARY, CANARY, CANARY),
    lambda: PacketProtection("AES-256-GCM", CANARY, CANARY[:12], CANARY).seal(CANARY[:1], CANARY, 1),
    lambda: HybridKey.from_secret(CANARY[1:]),
    lambda: Identity.from_secret(CANARY[1:]),
    lambda: Device.from_secret(CANARY + CANARY),
    lambda: Device.from_secret(CANARY).sign("\0" + CANARY.decode(), CANARY),
    lambda: verify(DEVICE.public_key, CANARY.decode(), CANARY, CANARY + CANARY),
    lambda: Certificate.parse(CANARY),
    lambda: open_vault(CANARY, seal_vault(bytes(32), CANARY, CANARY)),
    lambda: open_vault(CANARY[1:], CANARY),
    lambda: open_envelope(HybridKey.from_secret(CANARY), CANARY, CANARY * 60),
    lambda: seal_envelope(CANARY, DEVICE, CERTIFICATE, CANARY, CANARY),
    lambda: OpaqueServer(CANARY),
    lambda: OpaqueClientLogin(CANARY).finish(CANARY * 10, CANARY.decode(), CANARY, Argon2(64, 1, 1)),
    lambda: OpaqueClientRegistration(CANARY * 4096),
    lambda: primitives.Cipher(CANARY.decode(), CANARY),
    lambda: primitives.Cipher("AES-256-GCM", CANARY[1:]),
    lambda: primitives.Cipher("AES-256-GCM", CANARY).open(CANARY, CANARY),
    lambda: primitives.hkdf_expand(CANARY[1:], CANARY, 32),
    lambda: primitives.X25519Key.from_secret(CANARY[1:]),
    lambda: primitives.X25519Key.from_secret(CANARY).exchange(CANARY[1:]),
    lambda: primitives.Ed25519Key.from_secret(CANARY[1:]),
    lambda: primitives.ed25519_verify_many([(CANARY, CANARY, CANARY + CANARY)]),
    lambda: primitives.MlKemKey.from_seed(CANARY),
    lambda: primitives.mlkem_encapsulate(CANARY),
    lambda: primitives.fail_on_purpose(False),
]


@pytest.mark.parametrize("refused", REFUSED)
def test_no_refusal_tells_what_it_was_given(refused: Callable[[], object]) -> None:
    with pytest.raises(CoreError) as caught:
        refused()
    assert str(caught.value)
    assert not shows(f"{caught.value!r} {caught.value} {caught.value.args}")


def test_every_exception_is_of_the_core_and_says_so() -> None:
    names = ["Malformed", "NotAuthentic", "EpochStale", "Refused", "Unreadable", "StateError"]
    for name in names:
        kind = getattr(_core, name)
        assert kind.__bases__ == (CoreError,)
        assert (kind.__module__, kind.__qualname__) == ("qnpc._core", name)
        assert kind.__doc__
    assert _core.Panicked.__bases__ == (_core.StateError,)
    assert CoreError.__bases__ == (Exception,)

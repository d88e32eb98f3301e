"""The vault's bytes: they outlive every version of the program that wrote them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qnpc._core import Aead, Malformed, NotAuthentic, open_vault, seal_vault, vault_header

KEY = bytes(range(32))


@given(st.binary(max_size=200), st.binary(max_size=400))
def test_it_opens_and_tells_its_header_without_a_key(header: bytes, plaintext: bytes) -> None:
    vault = seal_vault(KEY, header, plaintext)
    assert vault_header(vault) == header
    assert open_vault(KEY, vault) == plaintext


def test_the_format_stays_what_it_is() -> None:
    prefix = b"QPCE\x01\x00\x03kdf"
    assert open_vault(KEY, prefix + Aead(KEY).seal(b"secrets", prefix)) == b"secrets"
    assert seal_vault(KEY, b"kdf", b"secrets").startswith(prefix)


def test_a_vault_written_by_an_earlier_build_still_opens() -> None:
    vault = bytes.fromhex(FIXTURE)
    assert vault_header(vault) == b"argon2id m=65536"
    assert open_vault(KEY, vault) == b"identity and device keys"


def test_a_wrong_key_is_not_authentic_and_a_short_one_malformed() -> None:
    vault = seal_vault(KEY, b"kdf", b"secrets")
    with pytest.raises(NotAuthentic):
        open_vault(bytes(32), vault)
    with pytest.raises(Malformed):
        open_vault(KEY[1:], vault)
    with pytest.raises(Malformed):
        seal_vault(KEY[1:], b"", b"")
    with pytest.raises(Malformed):
        seal_vault(KEY, bytes(65536), b"")


def test_a_header_changed_on_disk_is_noticed() -> None:
    vault = seal_vault(KEY, b"m=65536", b"secrets").replace(b"m=65536", b"m=00008")
    assert vault_header(vault) == b"m=00008"
    with pytest.raises(NotAuthentic):
        open_vault(KEY, vault)


def test_every_flipped_bit_and_every_missing_end_is_refused() -> None:
    vault = seal_vault(KEY, b"kdf", b"secrets")
    frame = len(b"QPCE\x01\x00\x03kdf")
    for at in range(len(vault)):
        for bit in range(8):
            changed = bytearray(vault)
            changed[at] ^= 1 << bit
            with pytest.raises((Malformed, NotAuthentic)) as refused:
                open_vault(KEY, bytes(changed))
            if at < 5:
                assert refused.type is Malformed
            if at >= 7:
                assert refused.type is NotAuthentic
        with pytest.raises(Malformed if at < frame + 28 else NotAuthentic):
            open_vault(KEY, vault[:at])
    with pytest.raises(Malformed):
        vault_header(vault[: frame + 27])


FIXTURE = (
    "515043450100106172676f6e326964206d3d36353533365643c2d64a68135c243b0e7f993f8eeae9"
    "b2190bb65e8b0690886243cd837df99ed6462fffc0873e8a2dc441cb4499a59f65e4f9"
)

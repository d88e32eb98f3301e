"""The vault opens with its password or key file alone, and says which of the two went wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from qnpc.client.vault import KEY_FILE, VAULT, Kdf, Secrets, needs_password, open_vault, write_vault
from qnpc.errors import Code, Error
from qnpc.ports import SystemRandom

CHEAP = Kdf(8, 1, 1)
SECRETS = Secrets(b"i" * 32, b"d" * 32, b"h" * 32, b"k" * 32, b"certificate", b"qnpc://node")


def refusal(profile: Path, password: bytes | None) -> Code:
    with pytest.raises(Error) as caught:
        open_vault(profile, password)
    return caught.value.kind


def test_it_opens_with_its_password_alone(tmp_path: Path) -> None:
    write_vault(tmp_path, SECRETS, b"right", SystemRandom(), CHEAP)
    assert needs_password(tmp_path)
    assert open_vault(tmp_path, b"right") == SECRETS
    assert refusal(tmp_path, b"wrong") is Code.PASSPHRASE_WRONG
    assert refusal(tmp_path, None) is Code.PASSPHRASE_WRONG


def test_it_opens_by_itself_with_a_key_file(tmp_path: Path) -> None:
    write_vault(tmp_path, SECRETS, None, SystemRandom())
    assert not needs_password(tmp_path)
    assert open_vault(tmp_path, None) == SECRETS
    (tmp_path / KEY_FILE).write_bytes(b"x" * 32)
    assert refusal(tmp_path, None) is Code.VAULT_DAMAGED
    (tmp_path / KEY_FILE).unlink()
    assert refusal(tmp_path, None) is Code.VAULT_DAMAGED


def test_no_damage_to_it_passes_unseen(tmp_path: Path) -> None:
    write_vault(tmp_path, SECRETS, b"right", SystemRandom(), CHEAP)
    whole = (tmp_path / VAULT).read_bytes()
    for at in range(len(whole)):
        (tmp_path / VAULT).write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert refusal(tmp_path, b"right") in (Code.VAULT_DAMAGED, Code.PASSPHRASE_WRONG)
    for length in range(0, len(whole), 7):
        (tmp_path / VAULT).write_bytes(whole[:length])
        assert refusal(tmp_path, b"right") is Code.VAULT_DAMAGED
    (tmp_path / VAULT).unlink()
    assert refusal(tmp_path, b"right") is Code.NO_PROFILE


def test_a_header_that_asks_for_too_much_is_damage(tmp_path: Path) -> None:
    write_vault(tmp_path, SECRETS, b"right", SystemRandom(), CHEAP)
    vault = (tmp_path / VAULT).read_bytes()
    greedy = vault.replace(b'"memory_kib": 8', b'"memory_kib":1e9')
    assert greedy != vault
    (tmp_path / VAULT).write_bytes(greedy)
    assert refusal(tmp_path, b"right") is Code.VAULT_DAMAGED


def test_its_files_are_the_owners_alone_and_show_nothing(tmp_path: Path) -> None:
    write_vault(tmp_path, SECRETS, None, SystemRandom())
    for name in (VAULT, KEY_FILE):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert SECRETS.identity not in (tmp_path / VAULT).read_bytes()
    for secret in (SECRETS.identity, SECRETS.device, SECRETS.hybrid, SECRETS.database):
        assert repr(secret) not in repr(SECRETS)
    assert sorted(path.name for path in tmp_path.iterdir()) == [KEY_FILE, VAULT]

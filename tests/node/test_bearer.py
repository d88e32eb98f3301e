"""Tokens and invites: what is kept of them opens nothing."""

from __future__ import annotations

import pytest

from qnpc.node import bearer
from qnpc.ports import SystemRandom


@pytest.mark.parametrize(("shape", "size"), [(bearer.TOKEN, 48), (bearer.INVITE, 32)])
def test_one_is_recognised_by_its_hash_alone(shape: bearer.Shape, size: int) -> None:
    minted = bearer.mint(shape, SystemRandom())
    assert len(bytes(minted)) == size
    shown = bearer.split(shape, bytes(minted))
    assert shown is not None
    assert shown.id == minted.id
    assert shown.matches(minted.hash)
    assert not bearer.mint(shape, SystemRandom()).matches(minted.hash)
    assert minted.secret not in minted.hash


def test_a_secret_is_in_no_repr() -> None:
    minted = bearer.mint(bearer.TOKEN, SystemRandom())
    assert repr(minted.secret) not in repr(minted)


@pytest.mark.parametrize("size", [0, 16, 47, 49])
def test_another_length_is_no_token(size: int) -> None:
    assert bearer.split(bearer.TOKEN, bytes(size)) is None

"""A node's key on disk: made once, never lost, and what is wrong with it is said with its file's name."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from qnpc.errors import Code, Error
from qnpc.ports import Ports
from qnpc.transport import TlsIdentity
from qnpc.transport.identity import PrivateKey
from tests.support.network import SeededRandom
from tests.transport.peers import node

NOW = 1_800_000_000.0


def load(folder: Path, suffix: str = ".pem") -> TlsIdentity:
    return TlsIdentity.load_or_create(folder / f"cert{suffix}", folder / f"key{suffix}", now=NOW)


def write_key(path: Path, key: PrivateKey, encoding: Encoding = Encoding.PEM) -> None:
    path.write_bytes(key.private_bytes(encoding, PrivateFormat.PKCS8, NoEncryption()))


@pytest.mark.parametrize("suffix", [".pem", ".der", ".crt"])
def test_made_once_and_the_same_after_a_restart(tmp_path: Path, suffix: str) -> None:
    first = load(tmp_path / "data", suffix)
    files = {path.name: path.read_bytes() for path in (tmp_path / "data").iterdir()}
    second = load(tmp_path / "data", suffix)
    assert first.pin == second.pin
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "data").iterdir()}
    assert set(files) == {f"cert{suffix}", f"key{suffix}"}
    assert stat.S_IMODE((tmp_path / "data" / f"key{suffix}").stat().st_mode) == 0o600
    assert files[f"key{suffix}"].startswith(b"-----BEGIN") == (suffix != ".der")


def test_the_pin_is_the_hash_of_the_public_key(tmp_path: Path) -> None:
    identity = load(tmp_path)
    key = load_pem_private_key((tmp_path / "key.pem").read_bytes(), None)
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert identity.pin == hashlib.sha256(spki).digest()


def test_valid_for_ten_years_and_its_serial_comes_from_the_port(tmp_path: Path) -> None:
    made = [
        TlsIdentity.load_or_create(
            tmp_path / f"{n}.crt", tmp_path / f"{n}.key", now=NOW, random=SeededRandom(1)
        )
        for n in range(2)
    ]
    certificate = made[0].chain[0]
    assert certificate.not_valid_before_utc.timestamp() < NOW
    assert certificate.not_valid_after_utc.timestamp() > NOW + 9.9 * 365 * 86400
    assert made[0].chain[0].serial_number == made[1].chain[0].serial_number
    assert made[0].pin != made[1].pin


def test_content_decides_not_the_name(tmp_path: Path) -> None:
    made = load(tmp_path, ".der")
    (tmp_path / "cert.pem").write_bytes((tmp_path / "cert.der").read_bytes())
    (tmp_path / "key.pem").write_bytes((tmp_path / "key.der").read_bytes())
    assert load(tmp_path).pin == made.pin


def test_a_lost_certificate_is_made_again_with_the_same_pin(tmp_path: Path) -> None:
    made = load(tmp_path)
    (tmp_path / "cert.pem").unlink()
    assert load(tmp_path).pin == made.pin


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(65537, 2048),
        ed25519.Ed25519PrivateKey.generate(),
    ],
    ids=["P-256", "P-384", "RSA", "Ed25519"],
)
async def test_keys_that_a_host_already_has_work(tmp_path: Path, ports: Ports, key: PrivateKey) -> None:
    write_key(tmp_path / "key.pem", key)
    async with node(load(tmp_path), ports) as server:
        client = await server.client(ports)
        client.connection.send(b"hello")
        assert await client.bytes(5) == b"hello"
        client.connection.close()


@pytest.mark.parametrize(
    ("damage", "named", "says"),
    [
        (lambda folder: (folder / "key.pem").unlink(), "key.pem", "does not exist"),
        (
            lambda folder: (folder / "key.pem").write_bytes(b"rubbish"),
            "key.pem",
            "does not hold a private key",
        ),
        (lambda folder: (folder / "key.pem").write_bytes(b""), "key.pem", "does not hold a private key"),
        (
            lambda folder: (folder / "cert.pem").write_bytes(b"-----BEGIN"),
            "cert.pem",
            "does not hold a certificate",
        ),
        (
            lambda folder: (folder / "cert.pem").write_bytes(b"\x30\x00"),
            "cert.pem",
            "does not hold a certificate",
        ),
        (
            lambda folder: write_key(folder / "key.pem", ed25519.Ed25519PrivateKey.generate()),
            "cert.pem",
            "does not belong to the private key",
        ),
        (
            lambda folder: write_key(folder / "key.pem", ec.generate_private_key(ec.SECP521R1())),
            "key.pem",
            "does not hold a private key",
        ),
        (
            lambda folder: (folder / "key.pem").write_bytes(
                ed25519.Ed25519PrivateKey.generate().private_bytes(
                    Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
                )
            ),
            "key.pem",
            "protected by a password",
        ),
    ],
    ids=[
        "no key",
        "rubbish key",
        "empty key",
        "cut certificate",
        "empty certificate",
        "another key",
        "P-521",
        "locked",
    ],
)
def test_what_is_wrong_is_said_with_the_files_name(
    tmp_path: Path, damage: object, named: str, says: str
) -> None:
    load(tmp_path)
    damage(tmp_path)  # type: ignore[operator]
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(Error) as refused:
        load(tmp_path)
    assert refused.value.kind is Code.BAD_REQUEST
    assert str(tmp_path / named) in refused.value.sentence
    assert says in refused.value.sentence
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir()}, "nothing is overwritten"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Error, match="cannot be used"):
        load(tmp_path / "file")


def test_the_key_is_in_no_repr(tmp_path: Path) -> None:
    identity = load(tmp_path)
    assert isinstance(identity.key, ed25519.Ed25519PrivateKey)
    assert identity.key.private_bytes_raw().hex() not in repr(identity)
    assert repr(identity) == f"<TlsIdentity {identity.pin.hex()}>"

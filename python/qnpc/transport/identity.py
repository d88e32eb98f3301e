"""A node's TLS key and certificate: read from disk, or made on the first run.

The pin that clients keep follows from the key alone. So a key is never overwritten and never replaced by
itself: what is damaged stops the node with a sentence that names the file; only a missing certificate is made
anew, for the key that is there. Key files have mode 0600. The key appears in no repr and no error.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from qnpc.errors import Code, Error
from qnpc.files import make_private_directory, write_private
from qnpc.ports import Random, SystemRandom
from qnpc.transport.pinning import pin_of

PrivateKey: TypeAlias = (
    ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
)
T = TypeVar("T")

_LIFETIME = datetime.timedelta(days=3652)
_EARLIER = datetime.timedelta(days=1)  # for clocks that are behind
_PEM = b"-----BEGIN "
_CURVES = (ec.SECP256R1, ec.SECP384R1)  # those that TLS 1.3 signatures of the QUIC library cover


class TlsIdentity:
    """A node's private key and certificate chain, leaf first. `pin` is what clients know it by: 32 bytes."""

    def __init__(self, chain: list[x509.Certificate], key: PrivateKey) -> None:
        self.chain = chain
        self.key = key
        self.pin = pin_of(chain[0])

    def __repr__(self) -> str:
        return f"<TlsIdentity {self.pin.hex()}>"

    @classmethod
    def load_or_create(
        cls, cert_path: Path, key_path: Path, *, now: float, random: Random | None = None
    ) -> TlsIdentity:
        """Reads both files, DER or PEM by their content, or makes what is missing: DER when the name ends in
        `.der`, else PEM.

        `now` is Unix time; a certificate made here is valid for ten years. A missing certificate is made for
        the key that is there; a missing key beside a certificate is refused. Raises Error(BAD_REQUEST) with a
        sentence that names the file.
        """
        if cert_path.exists() and not key_path.exists():
            raise _bad(key_path, f"does not exist, though its certificate {cert_path} does")
        try:
            make_private_directory(key_path.parent)
            make_private_directory(cert_path.parent)
            if not key_path.exists():
                fresh = ed25519.Ed25519PrivateKey.generate()
                write_private(
                    key_path, fresh.private_bytes(_encoding(key_path), PrivateFormat.PKCS8, NoEncryption())
                )
            key = _read(key_path, "a private key", _parse_key)
            if not cert_path.exists():
                made = _certificate(key, now, random or SystemRandom())
                write_private(cert_path, made.public_bytes(_encoding(cert_path)))
            chain = _read(cert_path, "a certificate", _parse_chain)
            identity = cls(chain, key)
        except OSError as error:
            raise _bad(Path(error.filename or key_path), f"cannot be used: {error.strerror}") from error
        except (ValueError, UnsupportedAlgorithm) as error:
            raise _bad(cert_path, "holds a key that cannot be read") from error
        if key.public_key() != chain[0].public_key():
            raise _bad(cert_path, f"does not belong to the private key in {key_path}")
        return identity


def _encoding(path: Path) -> Encoding:
    return Encoding.DER if path.suffix.lower() == ".der" else Encoding.PEM


def _read(path: Path, what: str, parse: Callable[[bytes], T]) -> T:
    data = path.read_bytes()
    try:
        return parse(data)
    except TypeError as error:  # how a password-protected key is reported
        raise _bad(path, "is protected by a password; store it without one") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _bad(path, f"does not hold {what} that can be used here, in DER or PEM") from error


def _parse_key(data: bytes) -> PrivateKey:
    key = load_pem_private_key(data, None) if _PEM in data else load_der_private_key(data, None)
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, _CURVES):
        return key
    if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey | rsa.RSAPrivateKey):
        return key
    raise ValueError("no TLS 1.3 signature for this kind of key")


def _parse_chain(data: bytes) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(data) if _PEM in data else [x509.load_der_x509_certificate(data)]


def _certificate(key: PrivateKey, now: float, random: Random) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "qnpc node")])
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    serial = int.from_bytes(random.bytes(16), "big") | 1
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(moment - _EARLIER)
        .not_valid_after(moment + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("qnpc")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    signs_itself = isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
    return builder.sign(key, None if signs_itself else hashes.SHA256())


def _bad(path: Path, sentence: str) -> Error:
    return Error(Code.BAD_REQUEST, f"{path} {sentence}")

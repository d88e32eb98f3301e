"""What an enrolment must show before a device is bound to an account.

The certificate is the account's own statement about the device; the two proofs show that whoever enrols holds both private keys now, for
this node and this challenge. The account's name stands in all of them. Nothing here looks at the store.
"""

from __future__ import annotations

from qnpc._core import Certificate, Malformed, NotAuthentic, verify
from qnpc.errors import Code, Error
from qnpc.node.store.contract import NewDevice
from qnpc.wire import CONTEXT_ENROL_DEVICE, CONTEXT_ENROL_IDENTITY, Enrolment, enrolment_statement


def check_enrolment(pin: bytes, challenge: bytes, username: str, enrolment: Enrolment, now: int) -> NewDevice:
    """The device, as it will be stored; `now` in Unix milliseconds. Raises Error(IDENTITY_MISMATCH), Error(BAD_REQUEST)."""
    try:
        certificate = Certificate.parse(enrolment.certificate)
        if certificate.username != username:
            raise Error(Code.IDENTITY_MISMATCH, "the certificate names another account")
        if certificate.identity_key != enrolment.identity_key:
            raise Error(Code.IDENTITY_MISMATCH, "the certificate is of another identity key")
        device = certificate.device
        statement = enrolment_statement(pin, challenge, username, enrolment.identity_key, device)
        verify(enrolment.identity_key, CONTEXT_ENROL_IDENTITY, statement, enrolment.identity_proof)
        verify(device, CONTEXT_ENROL_DEVICE, statement, enrolment.device_proof)
    except Malformed:
        raise Error(Code.BAD_REQUEST, "the enrolment's certificate, key or proof cannot be read") from None
    except NotAuthentic:
        raise Error(Code.IDENTITY_MISMATCH, "a signature of the enrolment does not verify") from None
    return NewDevice(device, enrolment.certificate, now)

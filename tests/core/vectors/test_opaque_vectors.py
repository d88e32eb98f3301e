"""OPAQUE against RFC 9807, as far as our interface goes: what the node computes without randomness."""

from __future__ import annotations

import json
from collections.abc import Callable

from qnpc._core import OpaqueServer
from tests.core.vectors.files import text
from tests.core.vectors.tally import Tally


def test_opaque_registration(tally: Callable[[str], Tally]) -> None:
    family = tally("OPAQUE registration at the node (RFC 9807)")
    for number, vector in enumerate(json.loads(text("opaque/opaque_ristretto255.json"))):
        inputs, outputs = vector["inputs"], vector["outputs"]
        if vector["config"]["Fake"] == "True":
            # A login only, whose answer is random here; the Rust test fixes the randomness and compares it.
            assert "registration_request" not in outputs
            continue
        # Oprf seed, the node's key, and a key for the fake answers, of which any will do.
        setup = "".join(inputs[name] for name in ("oprf_seed", "server_private_key", "server_public_key"))
        server = OpaqueServer(bytes.fromhex(setup))
        name = bytes.fromhex(inputs["credential_identifier"]).decode()
        request, response, upload = (
            bytes.fromhex(outputs[f"registration_{part}"]) for part in ("request", "response", "upload")
        )
        family.gives(number, response, server.registration_response, name, request)
        family.gives(number, upload, server.registration_record, upload)
    family.hold(accepted=2, refused=0)

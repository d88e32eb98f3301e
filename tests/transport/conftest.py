from __future__ import annotations

from pathlib import Path

import pytest

from qnpc.transport import TlsIdentity
from tests.support.network import VirtualClock


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> TlsIdentity:
    folder: Path = tmp_path_factory.mktemp("identity")
    return TlsIdentity.load_or_create(folder / "cert.pem", folder / "key.pem", now=VirtualClock.EPOCH)

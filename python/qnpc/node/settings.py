"""What one node is told: where it listens, where its data are, who may register, what it allows."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from qnpc.limits import DEFAULT, Limits
from qnpc.link import DEFAULT_PORT, join_address, split_address
from qnpc.ports import Address

SUITES = (0x004F, 0x0001)
"""Hybrid post-quantum first: the order is the node's preference."""

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """Immutable. `public` is the address that links carry, "host:port"; None when nobody named one.

    Certificate, key and database are in `data_dir` where no path says otherwise. `db_key` encrypts the database:
    32 bytes, or a passphrase. Whoever knows `auth_token` may register. Neither appears in a repr."""

    listen: Address
    data_dir: Path
    public: str | None = None
    suites: tuple[int, ...] = SUITES
    limits: Limits = DEFAULT
    tls_cert: Path | None = None
    tls_key: Path | None = None
    database: Path | None = None
    db_key: bytes | str | None = field(default=None, repr=False)
    auth_token: str | None = field(default=None, repr=False)
    log_level: str = "info"

    def public_address(self, bound: Address) -> str:
        """What links carry, "host:port". Where the node listens everywhere and has no public name, only this machine can
        follow them. Raises Error(BAD_REQUEST) if `public` is no address."""
        if self.public is not None:
            return join_address(*split_address(self.public))
        return join_address(_EVERYWHERE.get(bound[0], bound[0]), bound[1])

    @property
    def only_local(self) -> bool:
        """True if links will only work on this machine although the node listens everywhere."""
        return self.public is None and self.listen[0] in _EVERYWHERE


def default_listen() -> Address:
    return ("0.0.0.0", DEFAULT_PORT)  # noqa: S104

"""What counts as one address, wherever those who are not known are counted by where they come from."""

from __future__ import annotations

import ipaddress

from qnpc.ports import Address


def address_key(address: Address) -> str:
    """An IPv4 address, or the /64 that an IPv6 host can choose from freely."""
    try:
        host = ipaddress.ip_address(address[0])
    except ValueError:
        return address[0]
    if isinstance(host, ipaddress.IPv4Address):
        return str(host)
    if host.ipv4_mapped is not None:
        return str(host.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(host) >> 64 << 64, 64)))

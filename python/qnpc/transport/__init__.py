"""QUIC: ordered bytes between a client and a node, with a pinned key and a post-quantum key exchange.

The only importer of the QUIC library; nothing outside may know which one it is. `Connection` is a
`ports.Link` over the one stream there is: bidirectional stream 0, opened by the client.
"""

from qnpc.transport.addresses import address_key
from qnpc.transport.connection import Connection
from qnpc.transport.dialing import connect
from qnpc.transport.endpoint import Endpoint
from qnpc.transport.identity import TlsIdentity
from qnpc.transport.listening import listen

__all__ = ["Connection", "Endpoint", "TlsIdentity", "address_key", "connect", "listen"]

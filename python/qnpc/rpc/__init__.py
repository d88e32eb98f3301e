"""Cap'n Proto RPC over any ordered stream of bytes (a `ports.Link`): a sans-IO state machine and a thin asyncio driver.

It knows no service and no transport. `Peer` is one connection; `Remote` and `Served` are the two ends of a capability; `Method` joins
the schema and the dataclasses of one method. Hostile bytes end a connection with an Abort; they never raise anything else.
"""

from __future__ import annotations

from qnpc.rpc.capability import Capability, Remote, Served
from qnpc.rpc.codec import StructCodec
from qnpc.rpc.errors import Disconnected, LocalProtocolError, RemoteProtocolError
from qnpc.rpc.method import Method
from qnpc.rpc.peer import Call, Encoded, Peer, encode
from qnpc.rpc.schema import load_schema

__all__ = [
    "Call",
    "Capability",
    "Disconnected",
    "Encoded",
    "LocalProtocolError",
    "Method",
    "Peer",
    "Remote",
    "RemoteProtocolError",
    "Served",
    "StructCodec",
    "encode",
    "load_schema",
]

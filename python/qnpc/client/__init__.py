"""The client: a profile, its connection to a node, and all that one can do with it.

It knows content, rpc, wire, transport and the core; it never imports the node.
"""

from qnpc.client.client import Client, open_client
from qnpc.client.entering import Registered, Stretching
from qnpc.client.handles import Contact, Group, Message, Sent
from qnpc.client.login import login
from qnpc.client.ping import ping
from qnpc.client.profile import exists as has_profile
from qnpc.client.registration import register
from qnpc.client.vault import Kdf, needs_password

__all__ = [
    "Client",
    "Contact",
    "Group",
    "Kdf",
    "Message",
    "Registered",
    "Sent",
    "Stretching",
    "has_profile",
    "login",
    "needs_password",
    "open_client",
    "ping",
    "register",
]

"""Every limit, in one table.

The defaults are what a node and a client use when nothing else is configured. Sizes are bytes, times are seconds, unless a name
says otherwise. A limit that a peer can run into has a code in `errors.py`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What one node or client allows. Immutable; `dataclasses.replace` makes a variant."""

    # One RPC connection
    message_before_login: int = 64 * 1024
    message_after_login: int = 9 * 1024 * 1024
    calls_in_flight: int = 64
    calls_before_login: int = 16
    exports: int = 256
    exports_before_login: int = 32
    traversal_words: int = 2 * 1024 * 1024
    nesting: int = 32

    # QUIC
    datagram: int = 1200  # a UDP payload; up to 1452 where every path carries it, for nothing finds that out
    handshake: float = 5.0
    idle: float = 60.0
    keepalive: float = 20.0
    silence: float = 10.0  # a client gives up on a node that acknowledges nothing for so long
    connections_per_address: int = 512  # of those who are logged in
    outbox: int = 256 * 1024  # queued pushes per connection, or one entry
    stream_buffer: int = 64 * 1024  # unsent and unacknowledged bytes inside one QUIC stream
    receive_window: int = 1024 * 1024
    receive_window_before_login: int = 32 * 1024
    close_grace: float = 2.0
    drain: float = 2.0  # what a stopping node gives to calls under way, and again to answers on theirs

    # Who is not logged in
    login: float = 30.0  # from the beginning of a connection until there must be a session
    connections_before_login: int = 512
    connections_before_login_per_address: int = 64
    makes_room: float = (
        1.0  # so old must such a connection be to be ended when another needs its place: half open,
    )
    makes_room_open: float = 3.0  # or open
    half_open_retry: int = 64  # from so many half-open ones on a client must show that it owns its address
    waiting_retry: int = 32  # likewise, from so many datagrams on that wait
    datagrams_waiting: int = 1024  # in each line; who has none waiting may go past it, twice over
    datagrams_waiting_of_address: int = 64
    datagrams_waiting_of_connection: int = 16
    turn: float = 0.001  # what is done for all of them at once
    turn_share: float = 0.3  # of the time, while anything is done for those who are logged in
    turn_pause: float = 0.015  # and no longer until the next turn, for a slow turn may be the machine's doing
    turn_quiet: float = 0.05  # which is taken to go on for so long
    messages_at_once_before_login: int = 4  # in a turn
    messages_waiting_before_login: int = 8 * 1024  # bytes of whole messages
    reads_before_login: int = 2  # of the store, at the same time, of all

    # Accounts
    username_min: int = 3
    username_max: int = 32
    token_ttl: float = 24 * 3600.0
    pending_logins: int = 1024
    pending_logins_per_address: int = 8
    pending_login_ttl: float = 300.0
    invite_ttl: float = 7 * 86400.0
    sealed_identity: int = 4096
    key_packages_per_device: int = 256
    key_packages_target: int = 100  # what a client keeps at the node per suite
    key_package_size: int = 16 * 1024

    # Delivery
    payload: int = 8 * 1024 * 1024
    tree_of_one: int = 16 * 1024  # a new group's
    channel_depth: int = 1000
    channel_bytes: int = 64 * 1024 * 1024
    entry_ttl: float = 7 * 86400.0
    fetch_entries: int = 256
    delivery_entries: int = 64  # in one push
    delivery_bytes: int = 192 * 1024  # in one push, unless a single entry is larger
    deliveries_in_flight: int = 4  # per device
    ack_interval: float = 0.2
    group_devices: int = 1000
    cursors: int = 4096  # in one subscribe or ack
    trackers: int = 64  # groups whose public state a node keeps at hand
    collect_interval: float = 3600.0
    collect_rows: int = 500  # in one transaction, or the writer stalls

    # Client
    text: int = 64 * 1024
    group_name: int = 128
    invitations: int = 256  # unopened, at a client
    invitations_per_device: int = 32  # of one sending device among them
    unknown_channels: int = 1024  # groups that nobody invited a client to and that it hears of all the same
    welcome: int = 256 * 1024
    raw_bytes: int = 256 * 1024 * 1024  # entries of groups that a client is not in
    raw_bytes_per_group: int = 32 * 1024 * 1024  # of one of them
    call_timeout: float = 20.0
    connect_timeout: float = 10.0
    send_timeout: float = 30.0
    close_flush: float = 2.0  # what a closing client gives to what still waits
    reconnect_min: float = 0.25
    reconnect_max: float = 30.0
    session_steady: float = (
        60.0  # a session that lasted so long, or brought something, begins the pauses between tries anew
    )
    retry_after: float = 300.0  # the longest that a client waits because its node says so
    past_epoch_ttl: float = 7 * 86400.0  # then a client forgets the secrets of an epoch that has ended
    seal_tries: int = 6  # then a client gives up an intent that something inside fails on
    sealed_ttl: float = 86400.0  # then a client looks where the group is before it sends what it encrypted
    upkeep_interval: float = 3600.0  # between two looks at what a client keeps at its node
    key_fetches: int = 16  # that a client has in flight at once


DEFAULT = Limits()

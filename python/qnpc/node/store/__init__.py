"""Where the node keeps what must not be lost: accounts, keys, ordered logs and the members' cursors.

`contract` says what a store does, `sqlite` does it in one file, `writer` is the door for writers on the event loop.
"""

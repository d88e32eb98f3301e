"""The command line: parses, asks the client or the node, prints what came of it.

It holds no state and no protocol. Data go to standard output, everything else to standard error; nothing is imported before the
command that was asked for needs it.
"""

from __future__ import annotations

import sys


def main() -> int:
    """The entry point of `qnpc`. Returns the exit status: 0 done, 1 refused, 2 usage, 3 try later, 4 trust."""
    try:
        from qnpc.cli.app import run

        return run(sys.argv[1:])
    except KeyboardInterrupt:  # so early that nothing had begun
        return 130

"""`python -m qnpc` is `qnpc`."""

from __future__ import annotations

import sys

from qnpc.cli import main

if __name__ == "__main__":
    sys.exit(main())

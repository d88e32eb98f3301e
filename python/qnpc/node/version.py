"""The version of this software, as its package says it."""

from __future__ import annotations

from importlib import metadata

VERSION = metadata.version("qnpc")

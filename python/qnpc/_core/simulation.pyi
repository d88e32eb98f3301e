"""The core under a seed, so that a simulated deployment can be run again byte for byte. Only builds from a checkout (`make setup`) have it.

Whoever knows the seed knows every key that comes of it. No wheel has this module and nothing of the product may name it, which tests of
the house hold.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, final

from qnpc._core.primitives import _Bytes

__all__ = ["Seeded"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

@final
class Seeded:
    """A seed, and how far its bytes have been drawn (ChaCha20). One for each simulated host: hosts that share one disturb each other.

    The seed and the order of the calls decide the bytes of all keys, KeyPackages, commits, Welcomes, messages, envelopes, vaults, OPAQUE
    messages and rows. `encrypt_many` and `process_many` use one thread under it, and whatever openmls seals in parallel does not
    depend on its order. A commit that removes n devices is made n! times on average, until chance has put them in order.
    """

    def __new__(cls, seed: _Bytes, now: int) -> Seeded:
        """`seed` has any length.

        `now`, Unix seconds, is when its KeyPackages and groups are made. The library holds lifetimes against the system's clock all
        the same, so a seed can be run again with its `now` for 83 days. Raises OverflowError for a time below 0."""

    def run(self, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Calls `function`: whatever it and those that it calls have the core draw comes from this seed, also in the tasks and timers that
        it starts, which inherit its context (contextvars). A coroutine that it only returns, and another thread, do not. Raises what
        `function` raises."""

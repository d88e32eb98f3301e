"""What is done in the background: expired tokens and invites go, and entries that nobody waits for any more.

In chunks, for a large transaction would make senders wait; and never so often that it shows.
"""

from __future__ import annotations

import structlog

from qnpc.errors import Error
from qnpc.limits import Limits
from qnpc.node.store.contract import Collect, ReapTokens
from qnpc.node.store.writer import Writer
from qnpc.ports import Clock

log = structlog.get_logger("qnpc.node")


async def run(writer: Writer, clock: Clock, limits: Limits) -> None:
    """For ever, until cancelled."""
    while True:
        try:
            await once(writer, clock, limits)
        except Error as error:  # the store may be back next time
            log.warning("upkeep.failed", error=str(error))
        except Exception:  # a bug of ours is no reason never to clean up again
            log.exception("upkeep.failed")
        await clock.sleep(limits.collect_interval)


async def once(writer: Writer, clock: Clock, limits: Limits) -> None:
    """Raises Error."""
    now = int(clock.now() * 1000)
    reaped = await writer.submit(ReapTokens(now))
    collect = Collect(now - int(limits.entry_ttl * 1000), limits.collect_rows)
    collected = 0
    while (gone := await writer.submit(collect)) > 0:
        collected += gone
    log.info("upkeep.done", reaped=reaped, collected=collected)

"""The event loop of the commands that serve: uvloop where it can be had, asyncio's own elsewhere, and little to clean up."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

#: After how many new objects the collector looks for circles among them (Python looks after 700), and how often among older ones.
COLLECT_AFTER = (20_000, 20, 50)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a loop of its own."""
    settle_in()
    with asyncio.Runner(loop_factory=_loop) as runner:
        return runner.run(main)


def settle_in() -> None:
    """What has been imported stays, and what documents are made of holds no circles: the collector need look at neither often."""
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


def _loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # Windows has none
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()

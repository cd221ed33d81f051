"""Whether bytes may still leave, asked at the last moment: whoever was stopped in the middle of a request stays silent."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

from suture.transports.exchange import NotSent

_permit: ContextVar[Callable[[], bool] | None] = ContextVar("permit", default=None)


@contextlib.contextmanager
def permitted(permit: Callable[[], bool]) -> Iterator[None]:
    """Within this, links ask ``permit`` right before bytes leave that a counterpart would act upon."""
    token = _permit.set(permit)
    try:
        yield
    finally:
        _permit.reset(token)


def guarded() -> bool:
    """Whether anybody is to be asked."""
    return _permit.get() is not None


def last_look() -> None:
    """Raises NotSent if the bytes may not leave any more."""
    permit = _permit.get()
    if permit is not None and not permit():
        raise NotSent("the instance may be another worker's by now")

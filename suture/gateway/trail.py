"""The trail of calls: who asked for what with which result, sealed with the journal, and readable to nobody without its keys.

Whatever changes something is in the journal before it is answered, with caller and operation. This holds the rest as well, every
look-up and every refusal: a second's calls are one fact, whose lines lie encrypted in its blob. Whoever wanted to change a line
would have to change its hash, and with that the chain.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec
from msgspec import Struct

from suture.gateway.operation import Operation
from suture.gateway.request import Incoming
from suture.journal import Event, Fenced, Journal, Unavailable, Unit
from suture.journal.shelves import Shredded
from suture.model import CallsAnswered, Ref
from suture.runtime.service import Service

#: How long calls wait to be written, in seconds, and so the most that a crash can lose of them.
EVERY_S = 1.0
#: Calls in one fact, and calls that may wait: with more than these no call is answered.
BATCH, WAITING_MOST = 2_000, 20_000
#: The longest object that is kept, in characters, and so many facts of one hour are read at most.
OBJECT_MOST, FACTS_MOST = 200, 5_000


class Called(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call: when, by whom, for which operation, about which object, and how it ended; blank where it never got so far."""

    at: datetime
    actor: str = ""
    operation: str = ""
    version: int = 0
    object: str = ""
    status: int
    code: str = ""
    trace: str


class Trail:
    """The calls of one process on their way into the journal; touched by the event loop alone. ``note`` begins the writing."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._waiting: list[Called] = []
        #: What is being written; a commit whose end nobody saw is repeated as it was, and recognised.
        self._batch: tuple[Called, ...] = ()
        self._writer: asyncio.Task[None] | None = None

    @property
    def full(self) -> bool:
        """Whether so many calls wait to be written that another one might go untold."""
        return len(self._waiting) >= WAITING_MOST

    def note(self, called: Called) -> None:
        """A call ended."""
        self._waiting.append(called)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), name="trail of calls")

    async def close(self) -> None:
        """Write what waits; what the journal does not take now is lost."""
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
        with contextlib.suppress(Unavailable, Fenced, RuntimeError):
            await self._flush()

    async def _write(self) -> None:
        while self._waiting:
            await self.service.clock.sleep(EVERY_S)
            with contextlib.suppress(Unavailable, Fenced):  # it is written with the next second's
                await self._flush()

    async def _flush(self) -> None:
        while self._waiting:
            self._batch = self._batch or tuple(self._waiting[:BATCH])
            unit = unit_of(self._batch)
            await self.service.in_thread(partial(self.service.wiring.journal.commit, [unit]))
            del self._waiting[: len(self._batch)]
            self._batch = ()


def object_of(operation: Operation | None, request: Incoming, pseudonym: Callable[[str], str]) -> str:
    """What a call was about, as it is kept: its address.

    Where that may hold a patient's number, keyed pseudonyms stand for what people looked for: who knows the number finds who
    asked for it, and nobody else learns it.
    """
    if operation is None or operation.logged:
        return request.path[:OBJECT_MOST]
    parts = zip(operation.address.strip("/").split("/"), request.segments, strict=True)
    return "/" + "/".join(pseudonym(said) if part.startswith("{") else part for part, said in parts)


def unit_of(calls: Sequence[Called]) -> Unit:
    """One fact of these calls; the same ones give the same fact."""
    raw = b"\n".join(map(_encode, calls))
    address, at = hashlib.sha256(raw).hexdigest(), calls[-1].at.astimezone(UTC)
    once = f"calls/{at:%Y-%m-%dT%H}/{address}"
    fact = CallsAnswered(hour=_hour(at), number=len(calls), at=at)
    event = Event(once=once, kind="emitted", source="gateway", at=at, data=fact, root=once, blob=address)
    # who asked is what a trail is for: it is kept as long as what leads to persons
    return Unit(events=[event], blobs=[(address, raw)], shelf=f"personal-{at:%Y-%m}")


def calls_of(journal: Journal, since: datetime, until: datetime) -> Iterator[Called]:
    """The calls of a span, in the order in which they were written; those whose time of keeping is over are gone.

    Raises BlobDamaged where somebody has touched them, and OverflowError for an hour of more facts than are read.
    """
    hour = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    # what ends in one hour may be written in the next
    while hour <= until + timedelta(hours=1):
        rows = journal.find(Ref("Calls", _hour(hour)), FACTS_MOST + 1)
        if len(rows) > FACTS_MOST:
            raise OverflowError(f"more than {FACTS_MOST} facts in {_hour(hour)}; ask the export")
        for row in rows:
            yield from (each for each in lines_of(journal, row.event.blob) if since <= each.at <= until)
        hour += timedelta(hours=1)


def lines_of(journal: Journal, address: str) -> tuple[Called, ...]:
    """The calls of one fact, by the address of its blob; none if their time of keeping is over. Raises BlobDamaged."""
    try:
        return tuple(map(_decode, journal.blob(address).split(b"\n")))
    except Shredded:
        return ()


def _hour(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H}"


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Called).decode

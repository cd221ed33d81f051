"""The ledger's proof: the stretches of the hash chain in which facts stand, between signed checkpoints."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator

from suture.gateway.evidence.pack import Proof, Stretch
from suture.journal import Checkpoint, Journal

#: So many events may lie between the checkpoints of one proof; a house that seals each minute stays far below.
EVENTS_MOST = 1_000_000
_PAGE = 2_000


def proof(journal: Journal, positions: Iterable[int], public_key: bytes) -> Proof:
    """The proof that the events at these positions stand in the sealed journal."""
    wanted = sorted(set(positions))
    stretches: list[Stretch] = []
    unsealed: list[int] = []
    room = EVENTS_MOST
    while wanted:
        before, checkpoint = _around(journal, wanted[0])
        inside = [each for each in wanted if checkpoint is not None and each <= checkpoint.position]
        made = _stretch(journal, before, checkpoint, room) if checkpoint else None
        if made is None:
            unsealed += inside or wanted
        else:
            stretches.append(made)
            room -= sum(last - first + 1 for first, last in made.spans)
        wanted = wanted[len(inside) :] if inside else []
    return Proof(public_key=public_key.decode(), stretches=tuple(stretches), unsealed=tuple(unsealed))


def _around(journal: Journal, position: int) -> tuple[Checkpoint | None, Checkpoint | None]:
    """The checkpoints before a position, and at or after it."""
    after = journal.checkpoints(position - 1, 1)
    return _before(journal, position), after[0] if after else None


def _before(journal: Journal, position: int) -> Checkpoint | None:
    """The last checkpoint before a position; costs a few dozen looks."""
    low, high = 0, position
    found: Checkpoint | None = None
    while low < high:
        middle = (low + high) // 2
        page = journal.checkpoints(middle, 1)
        if page and page[0].position < position:
            found, low = page[0], page[0].position
        else:
            high = middle
    return found


def _stretch(journal: Journal, before: Checkpoint | None, checkpoint: Checkpoint, room: int) -> Stretch | None:
    """The chain between two checkpoints; None if it is longer than there is room."""
    if checkpoint.events - (before.events if before else 0) > room:
        return None
    hashes = bytearray()
    spans: list[tuple[int, int]] = []
    for position, body in _bodies(journal, before.position if before else 0, checkpoint.position):
        hashes += hashlib.sha256(body).digest()
        if spans and spans[-1][1] == position - 1:
            spans[-1] = (spans[-1][0], position)
        else:
            spans.append((position, position))
    return Stretch(before=before, spans=tuple(spans), hashes=base64.b64encode(hashes).decode(), checkpoint=checkpoint)


def _bodies(journal: Journal, after: int, last: int) -> Iterator[tuple[int, bytes]]:
    while after < last and (page := journal.bodies(after, _PAGE)):
        yield from (row for row in page if row[0] <= last)
        after = page[-1][0]

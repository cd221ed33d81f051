"""Pages of the register: what operations that list documents share."""

from __future__ import annotations

from typing import Any

from suture.gateway.access import About
from suture.gateway.answers import Listed, Page
from suture.gateway.operation import Given, Inside, Said, about
from suture.gateway.problem import Problem, Wrong
from suture.views.register import Entry


async def page(given: Given, inside: Inside, kind: str, *, supplier: str = "", state: str = "") -> Said:
    """A page of documents of a kind that the caller may see, narrowed where asked; never more than it asked for."""
    after = _position(given.after)
    rows: list[Entry] = []
    while len(rows) <= given.limit:
        found = await inside.register(kind, supplier=supplier, state=state, after=after, limit=given.limit + 1)
        rows += [row for row in found if _visible(given, about(row))]
        if len(found) <= given.limit:
            break
        after = found[-1].position
    shown = rows[: given.limit]
    following = str(shown[-1].position) if len(rows) > given.limit else ""
    return Said(value=Page(items=tuple(map(_listed, shown))), about=tuple(map(about, shown)) or (_own(given),), next=following)


def _visible(given: Given, of: About) -> bool:
    """Left out here rather than refused as a whole; the gateway looks at each row once more."""
    caller = given.caller
    entity = not caller.entities or not of.entity or of.entity in caller.entities
    facility = not caller.facilities or not of.facility or of.facility in caller.facilities
    return entity and facility and (not caller.bound or caller.supplier == of.supplier)


def _own(given: Given) -> About:
    """An empty page is whoever's asks for it."""
    return About(supplier=given.caller.supplier)


def _position(cursor: str) -> int:
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 19):
        raise Problem("bad-parameter", errors=(Wrong("value", "a cursor is taken from a Link header", "after"),))
    return int(cursor)


def _listed(row: Entry) -> Listed:
    return Listed(id=row.id, supplier=row.supplier, state=row.state, at=row.at, entity=row.entity, facility=row.facility)


def narrowed(asked: Any, given: Given) -> str:
    """The supplier whose documents are listed: a partner's own, whatever it asks for."""
    return given.caller.supplier if given.caller.bound else str(getattr(asked, "supplier", ""))

"""``suture masters``: do the codes of all systems lead to one object each, and to one that exists?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Annotated

import msgspec
import typer
from msgspec import Struct

from suture.cli.output import JournalOption, JsonOption, console, counted, existing_journal, write_json
from suture.cli.tables import plain_table
from suture.journal import Journal
from suture.masters.crosswalk import Book, Clash
from suture.model import CostCenter, Crosswalk, Document, Entity, Item, Place, Supplier
from suture.processes.masters import Filed

#: Rows of the crosswalk that are shown of each kind; --json has them all.
_SHOWN = 40
_PAGE = 1000
_KINDS: dict[type[Document], str] = {
    CostCenter: "cost_center",
    Entity: "entity",
    Item: "item",
    Place: "place",
    Supplier: "supplier",
}
_MEANS = {
    "ambiguous": "one code, two objects on one day",
    "several_locals": "several codes, the least goes out",
    "borrowed": "a code that is ours for something else",
}


class Masters(Struct, frozen=True, kw_only=True):
    """How many objects and codes are filed, which codes contradict each other, and which lead to nothing."""

    objects: dict[str, int]
    codes: int
    collisions: tuple[Clash, ...]
    orphans: tuple[Crosswalk, ...]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(masters)


def masters(journal: Annotated[str, JournalOption] = ".", json: Annotated[str, JsonOption] = "") -> None:
    """List the codes of partners that clash (collisions) and those that lead to no master data (orphans).

    A code is an orphan only where the group has filed objects of its kind at all. Exit code 1 if anything is listed.

    Examples:

      suture masters --journal day

      suture masters -j day --json masters.json
    """
    opened, _ = existing_journal(journal)
    try:
        found = surveyed(opened)
    finally:
        opened.close()
    if json:
        write_json(json, found)
    if json != "-":
        _print(found)
    raise typer.Exit(1 if found.collisions or found.orphans else 0)


def surveyed(journal: Journal) -> Masters:
    """What the journal's master data says of identities."""
    book, known, codes = Book(), defaultdict[str, set[str]](set), 0
    for document in _filed(journal):
        if isinstance(document, Crosswalk):
            book.add(document)
            codes += 1
        elif type(document) in _KINDS:
            known[_KINDS[type(document)]].add(str(getattr(document, "id", "")))
    objects = {kind: len(ids) for kind, ids in sorted(known.items())}
    return Masters(objects=objects, codes=codes, collisions=book.collisions(), orphans=book.orphans(known))


def _filed(journal: Journal) -> Iterator[Document]:
    decoder, after = msgspec.json.Decoder(Filed), ""
    while page := journal.scan_states("masters", after, _PAGE):
        after = page[-1].key
        for state in page:
            yield from decoder.decode(state.data).documents


def _print(found: Masters) -> None:
    if found.collisions:
        rows = [
            (clash.system, clash.kind, clash.golden, ", ".join(clash.locals), _MEANS[clash.reason]) for clash in found.collisions
        ]
        _table(f"{counted(len(rows), 'collision')}", ("system", "kind", "our code", "its codes", "what is wrong"), rows)
    if found.orphans:
        lost = [(row.system, row.kind, row.golden, row.local, "no such object is filed") for row in found.orphans]
        _table(f"{counted(len(lost), 'orphan')}", ("system", "kind", "our code", "its code", "what is wrong"), lost)
    filed = ", ".join(f"{count:,} {kind}" for kind, count in found.objects.items()) or "no objects"
    console.print(f"{counted(found.codes, 'code')} over {filed}", soft_wrap=True, markup=False)
    console.print(f"{counted(len(found.collisions), 'collision')}, {counted(len(found.orphans), 'orphan')}")


def _table(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    table = plain_table(title, *columns)
    for column in table.columns:
        column.justify = "left"
    for row in rows[:_SHOWN]:
        table.add_row(*row)
    if len(rows) > _SHOWN:
        table.add_row("…", *[""] * (len(columns) - 1))
    console.print(table)

"""Keeps every fold beside a journal caught up until told to stop, then says what the files hold; one of several at once.

Usage: ``python -m tests.views.kept_reader ADDRESS FOLDER``; it ends when its standard input does.
"""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from suture.journal import Journal, open_journal
from suture.kpis.figures import EVERYTHING, figures, parts
from suture.views import kept as kept_module
from suture.views.figures import Figures, kept_figures
from suture.views.kept import BOOKS, kept
from suture.views.search import INDEX
from tests.journal.units import KEY, later

#: Small, so that the readers come between each other's pages.
PAGE = 100
FOLDS = {"books": BOOKS, "index": INDEX}
#: How often a look at the figures asks again and again, while others may enter events.
LOOKS = 5

#: Puts a query to a database.
Ask = Callable[[str], Iterable[Any]]


class Seen(msgspec.Struct):
    """How often one reader has looked; whose parts did not add up, without the kept file, and at less than was seen before."""

    looks: int = 0
    torn: int = 0
    alone: int = 0
    backwards: int = 0
    #: A digest of what each file holds in the end.
    holds: dict[str, str] = {}


def digest(ask: Ask) -> str:
    """Everything in the tables of a database, in one word; where two have numbered alike things differently they differ."""
    tables = [name for (name,) in ask("select name from sqlite_master where type = 'table' order by name")]
    sums = hashlib.sha256()
    for table in tables:
        rows = sorted(repr(row) for row in ask(f"select * from {table}"))
        sums.update(f"{table} {rows}\n".encode())
    return sums.hexdigest()


def look(journal: Journal, folder: Path, seen: Seen, reached: dict[str, int]) -> None:
    """Catch every fold up, and look at what it says."""
    for name, fold in FOLDS.items():
        with kept(journal, folder / name, fold) as db:
            note(seen, reached, name, db.execute)
    with kept_figures(journal, folder / "figures") as found:
        note(seen, reached, "figures", found.measures.rows)
        seen.torn += any(map(torn, [found] * LOOKS))


def note(seen: Seen, reached: dict[str, int], name: str, ask: Ask) -> None:
    """One look: never behind the one before, and with the file that is kept."""
    [(position,)] = ask("select position from mark")
    [(_, _, file)] = ask("pragma database_list")
    seen.looks += 1
    seen.alone += not file
    seen.backwards += position < reached.get(name, 0)
    reached[name] = position


def torn(found: Figures) -> bool:
    """Whether the parts of a figure are not the whole: they were counted at two positions."""
    now = later(10**6)
    whole = figures(found.measures, found.kpis.values(), EVERYTHING, now)
    split = {name: parts(found.measures, kpi, "kind", EVERYTHING, now) for name, kpi in found.kpis.items()}
    return any(
        sum(each.number for each in whole[name]) != sum(each.number for part in split[name].values() for each in part)
        for name in found.kpis
    )


def held(journal: Journal, folder: Path) -> Iterator[tuple[str, str]]:
    """What each file holds when everything is in it."""
    for name, fold in FOLDS.items():
        with kept(journal, folder / name, fold) as db:
            yield name, digest(db.execute)
    with kept_figures(journal, folder / "figures") as found:
        yield "figures", digest(found.measures.rows)


def wait(over: threading.Event) -> None:
    """Until standard input ends."""
    sys.stdin.read()
    over.set()


def main(address: str, folder: Path) -> None:
    """Look until standard input ends; then once more, and tell."""
    kept_module.PAGE = PAGE
    over = threading.Event()
    threading.Thread(target=wait, args=(over,), daemon=True).start()
    journal, seen, reached = open_journal(address, KEY), Seen(), dict[str, int]()
    print("ready", flush=True)
    while not over.is_set():
        look(journal, folder, seen, reached)
    seen.holds = dict(held(journal, folder))
    journal.close()
    sys.stdout.write(msgspec.json.encode(seen).decode())


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

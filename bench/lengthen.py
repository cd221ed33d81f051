"""A journal made longer: what its last stretch left in the tables is written again under other names, as often as it takes.

To live ten million events takes an hour and more; this takes minutes, and leaves tables and indexes as large as living would.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import psycopg

#: Positions in the stretch that is told again; its documents are a hundredth of a journal of a million events or less.
STRETCH = 40_000

# rows of a stretch are found once: neither references nor blobs are kept in the order of events
_SET_APART = (
    "create temporary table apart_refs as select * from refs where position > {first}",
    "create temporary table apart_blobs as select * from blobs limit {blobs}",
)
# {tag} makes names new; what many messages are about stays the same thing
_AGAIN = (
    """insert into events (position, once, kind, type, source, at, root, body)
    select position + {events}, '{tag}' || once, kind, type, source, at, '{tag}' || root, body
    from events where position > {first} and position <= {last}""",
    """insert into refs (id, type, position, role)
    select case when type in ('Item', 'Place') then id else '{tag}' || id end, type, position + {events}, role from apart_refs""",
    "insert into blobs (address, sealed) select '{tag}' || substr(address, 9), sealed from apart_blobs",
    """insert into deliveries (sequence, number, id, instance, role, key, document, due, process, process_key, cause, root,
    created, status, attempts, priority, reference, note)
    select sequence + {deliveries}, number + {deliveries}, '{tag}' || id, instance, role, key, document, due, process,
    process_key, '{tag}' || cause, '{tag}' || root, created, status, attempts, priority, reference, note
    from deliveries where sequence > {sent} - {each} and sequence <= {sent}""",
    "update counters set value = value + {each} where name = 'sequence' or substr(name, 1, 7) = 'number/'",
)
_COUNTED = {
    True: ("update counters set value = value + {stretch} where name = 'position'",),
    False: (
        "select setval('event_position', nextval('event_position') - 1 + {stretch})",
        "select setval('delivery_sequence', nextval('delivery_sequence') - 1 + {each})",
    ),
}


def lengthen(address: str, events: int) -> None:
    """Make the journal at ``address`` hold ``events`` events, give or take a stretch; nothing in it may be under way."""
    with _door(address) as run:
        last, many = (run(f"select max({what}) from {table}")[0][0] for what, table in _ENDS)
        blobs = run("select count(*) from blobs")[0][0]
        stretch = min(STRETCH, last // 2)
        share = {"each": many * stretch // last, "blobs": blobs * stretch // last}
        about = {"first": last - stretch, "last": last, "stretch": stretch, "sent": many, **share}
        for statement in _SET_APART:
            run(statement.format(**about))
        for number in itertools.takewhile(lambda number: last + number * stretch <= events, itertools.count(1)):
            tag = hashlib.sha256(str(number).encode()).hexdigest()[:8]
            run("begin")
            for statement in (*_AGAIN, *_COUNTED["://" not in address]):
                run(statement.format(tag=tag, events=number * stretch, deliveries=number * share["each"], **about))
            run("commit")


_ENDS = (("position", "events"), ("sequence", "deliveries"))


@contextlib.contextmanager
def _door(address: str) -> Iterator[Callable[[str], list[Any]]]:
    """Runs a statement on the database at an address; returns its rows."""
    if "://" in address:
        with psycopg.connect(address, autocommit=True) as server:

            def ask(statement: str) -> list[Any]:
                found = server.execute(statement.encode())
                return found.fetchall() if found.description else []

            yield ask
            server.execute("analyze")
        return
    with contextlib.closing(sqlite3.connect(address, isolation_level=None)) as file:
        yield lambda statement: file.execute(statement).fetchall()

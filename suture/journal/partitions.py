"""Another number of partitions for a journal in PostgreSQL, while its workers go on."""

from __future__ import annotations

from psycopg import Connection, OperationalError

from suture.journal import workers
from suture.journal.postgres import connected
from suture.journal.records import Unavailable
from suture.journal.rows import Row, partition_of

#: Undecided work that is read at a time.
PAGE = 10_000
#: More would only cost: a partition is worked on by one process at a time, and each is a lease.
MOST = 1024

_WORK = "select id, process, key from work where id > %s order by id limit %s"
_MOVE = """update work w set partition = sent.partition
from unnest(%s::bigint[], %s::int[]) as sent (id, partition) where w.id = sent.id"""


def divide(url: str, count: int) -> tuple[int, int]:
    """Divide the work into so many partitions; returns how many there were and how much waiting work moved.

    Commits wait meanwhile, and go on with the new count: see ``PostgresJournal.commit``. Raises ValueError for a count below 1 or
    over ``MOST``, and Unavailable.
    """
    if not 1 <= count <= MOST:
        raise ValueError(f"from 1 to {MOST:,} partitions")
    try:
        with connected(url) as db, db.transaction():
            return _divide(db, count)
    except OperationalError as error:
        raise Unavailable(f"the journal's PostgreSQL did not answer: {type(error).__name__}") from None


def _divide(db: Connection[Row], count: int) -> tuple[int, int]:
    # nobody joins, and no commit of anybody is under way
    db.execute("select pg_advisory_xact_lock(%s)", (workers.BEATING,))
    db.execute("select 1 from workers order by worker for update")
    ((was,),) = db.execute("select value from meta where name = 'partitions' for update").fetchall()
    db.execute("update meta set value = %s where name = 'partitions'", (str(count),))
    return int(was), _move(db, int(was), count)


def _move(db: Connection[Row], was: int, count: int) -> int:
    after, moved = 0, 0
    while page := db.execute(_WORK, (after, PAGE)).fetchall():
        after = page[-1][0]
        ids, places = [id for id, _, _ in page], [partition_of(process, key, count) for _, process, key in page]
        db.execute(_MOVE, (ids, places))
        moved += sum(partition_of(process, key, was) != place for (_, process, key), place in zip(page, places, strict=True))
    return moved

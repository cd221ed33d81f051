"""The journal in PostgreSQL: many workers on many hosts, three round trips a commit, readers that never skip."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import psycopg
from psycopg import Connection, Cursor, errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from suture.journal import schema, workers
from suture.journal.backup import FLOOR
from suture.journal.batch import Batch
from suture.journal.drafts import Draft, draft
from suture.journal.reading import Reading
from suture.journal.records import Beat, Committed, Fenced, Unavailable, Unit
from suture.journal.rows import DELIVERIES, EVENTS, Row
from suture.journal.shelves import Keys, keys_of

#: How often a commit begins anew because another writer was first; each time that writer has got further.
_ATTEMPTS = 50
#: Serialises opening, so that two processes that start together do not both make the tables.
_OPENING = 7316884262

# Transactions get their ids in the order of their positions (journal_positions); below the oldest one that runs, no
# position can appear any more. A long write transaction in any database of the server holds readers back.
_SETTLED = "xid < pg_snapshot_xmin(pg_current_snapshot())"

# Every query is written to walk an index. Queues fill and empty faster than statistics follow, and on old statistics
# the planner would read and sort or hash the whole backlog for the first few rows; compiling such short queries never pays.
# Who is stopped in the middle of a commit must not hold back everybody's readers for as long as it is stopped.
_SETTINGS = b"""set jit = off; set enable_seqscan = off; set enable_bitmapscan = off; set enable_sort = off;
set enable_hashjoin = off; set enable_mergejoin = off;
set idle_in_transaction_session_timeout = '10s'"""
#: What the driver raises when there is no server, or it has hung up; a process that got no time for a while hears the last.
_UNANSWERED = (psycopg.OperationalError, psycopg.InterfaceError, errors.IdleInTransactionSessionTimeout)
#: Seconds until a connection that nobody answers on counts as lost (libpq's own names).
_LOST = {"connect_timeout": 5, "tcp_user_timeout": 3000, "keepalives_idle": 2, "keepalives_interval": 1, "keepalives_count": 2}

# A worker's row cannot go until its commit has ended: see ``workers``. But it can change: a beat that waited for its own commit,
# which waits for another's that hangs, would keep everybody from beating, and the one that hangs would never be ended.
_STILL_ALIVE = "select 1 from workers where worker = any(%b::text[]) for key share"
# the count cannot change while a worker's row is locked; who does not beat locks the count itself
_DIVIDED = b"select value from meta where name = 'partitions'"
_DIVIDED_STILL = _DIVIDED + b" for share"
_TELL = f"select pg_notify('{workers.CHANNEL}', %b)"

# in the order in which they are sent, which is the same for all: nobody waits in a circle
_LOCK = "select pg_advisory_lock(lock) from unnest(%s::bigint[]) as lock"
_UNLOCK = "select pg_advisory_unlock(lock) from unnest(%s::bigint[]) as lock"
_KNOWN = "select once from events where once = any(%b)"
_RESERVE = "select journal_positions(%b)"
_WORK = f"""select w.id, w.process, w.key, e.position, e.body from (
    select w.* from unnest(%(partitions)s::int[]) as mine (partition) cross join lateral (
        select id, process, key from work where partition = mine.partition and {_SETTLED} order by id limit %(limit)s) as w
    order by w.id limit %(limit)s) as w
join events e on e.position = w.id >> 16 order by w.id"""
_STATES = """select process, key, version, data from states
where (process, key) in (select * from unnest(%(processes)s::text[], %(keys)s::text[]))"""
_COUNT_STATES = """select count(*) from states
where process = %(process)s and substring(data for length(%(beginning)s::bytea)) = %(beginning)s::bytea"""
_BODIES = f"select position, body from events where position > :after and {_SETTLED} order by position limit :limit"


def _unnest(*types: str) -> str:
    """The rows that are sent, column by column, as a table."""
    return f"unnest({', '.join(f'%b::{type}[]' for type in types)})"


_DELIVERY_TYPES = (
    *("text", "text", "text", "text", "bytea", "bigint", "text", "text", "text", "text"),
    *("bigint", "text", "bigint", "bigint", "text", "text"),
)
# rows are written in the order of their unique key wherever two writers could wait for each other
_INSERT_EVENTS = f"""insert into events ({", ".join(EVENTS)})
select * from {_unnest("bigint", "text", "text", "text", "text", "bigint", "text", "bytea")} as sent ({", ".join(EVENTS)})
order by once on conflict (once) do nothing"""
_INSERT_REFS = f"insert into refs (id, type, position, role) select * from {_unnest('text', 'text', 'bigint', 'text')}"
_INSERT_WORK = f"insert into work (id, partition, process, key) select * from {_unnest('bigint', 'int', 'text', 'text')}"
_INSERT_BLOBS = f"""insert into blobs select * from {_unnest("text", "bytea")} as sent (address, sealed)
order by address on conflict do nothing"""
_COUNT_REPEATS = f"""insert into repeats as r select * from {_unnest("text", "bigint")} as sent (once, times)
order by once on conflict (once) do update set times = r.times + excluded.times"""
_DELETE_WORK = f"delete from work where id in (select * from {_unnest('bigint')})"
_BEGIN_STATES = f"""insert into states
select * from {_unnest("text", "text", "bigint", "bytea")} as sent (process, key, version, data)
order by process, key on conflict do nothing"""
_MOVE_STATES = f"""update states s set version = sent.version, data = sent.data
from {_unnest("bigint", "bytea", "text", "text", "bigint")} as sent (version, data, process, key, was)
where s.process = sent.process and s.key = sent.key and s.version = sent.was"""
_SETTLE = f"""update deliveries d set status = sent.status, attempts = sent.attempts, due = sent.due, note = sent.note,
reference = coalesce(nullif(sent.reference, ''), d.reference), document = coalesce(nullif(sent.document, ''), d.document)
from {_unnest("text", "bigint", "bigint", "text", "text", "bytea", "text", "text", "bigint")}
as sent (status, attempts, due, reference, note, document, id, was, attempts_was)
where d.id = sent.id and d.status = sent.was and d.attempts = sent.attempts_was"""
# the instance's counter stays locked until the commit; only then is the sequence taken: both follow the order of commits
_PASSED_OVER = f"coalesce((select value from counters where name = '{FLOOR}'), 0)"
_COUNT_DELIVERIES = f"""insert into counters as c
select sent.name, {_PASSED_OVER} + sent.value from {_unnest("text", "bigint")} as sent (name, value)
order by sent.name on conflict (name) do update set value = c.value + excluded.value - {_PASSED_OVER}"""
_DELIVER = f"""insert into deliveries ({", ".join(DELIVERIES)})
select {", ".join(f"sent.{name}" for name in DELIVERIES[:-2])}, sent.value - sent.later, nextval('delivery_sequence')
from (
    select sent.*, c.value from {_unnest(*_DELIVERY_TYPES, "bigint")} with ordinality
    as sent ({", ".join(DELIVERIES[:-2])}, later, place) join counters c on c.name = 'number/' || sent.instance
    order by place) as sent
on conflict (id) do nothing"""
_FIRE = f"""delete from timers t using {_unnest("text", "text", "text", "bigint")} as sent (process, key, name, due)
where t.process = sent.process and t.key = sent.key and t.name = sent.name and t.due = sent.due"""
_ARM = f"""insert into timers
select * from {_unnest("text", "text", "text", "bigint", "text", "text")} as sent (process, key, name, due, cause, root)
order by process, key, name
on conflict (process, key, name) do update set due = excluded.due, cause = excluded.cause, root = excluded.root"""
_CANCEL = f"delete from timers where (process, key, name) in (select * from {_unnest('text', 'text', 'text')})"
_MOVE_CURSORS = f"""insert into cursors select * from {_unnest("text", "bigint")} as sent (name, position)
order by name on conflict (name) do update set position = excluded.position"""
_INSERT_SEALS = f"""insert into checkpoints select * from {_unnest("bigint", "bigint", "text", "bigint", "text")}
on conflict do nothing"""


class _Overtaken(Exception):
    """Another writer committed one of our onces between our look and our write, or work is divided otherwise by now."""


class PostgresJournal(Reading):
    """One connection, and one more for whoever beats; a lost one is made anew at the next call. See ``Journal`` for the laws."""

    shared = True

    def __init__(self, url: str, key: bytes | Keys, partitions: int = 16) -> None:
        """Connect, and make the tables in an empty database with that many partitions; ``key`` (32 bytes) encrypts blobs.

        Raises SchemaTooNew if a later version wrote it, Unavailable if it cannot be reached.
        """
        # the folders of many hosts are not one: what one of them made up, the others could not open
        self._url, self._keys = url, Keys(keys_of(key).master, keys_of(key).folder, makes=False)
        self._key = self._keys.master
        self._held: Connection[Row] | None = None
        self._pulse: Connection[Row] | None = None
        #: As whom we write, once we have beaten; others to wake.
        self._worker, self._alone = "", True
        try:
            self.partitions = self._open(partitions)
        except BaseException:
            self.close()
            raise

    def _open(self, partitions: int) -> int:
        with self._speaking() as db, db.transaction():
            db.execute("select pg_advisory_xact_lock(%s)", (_OPENING,))
            for number, script in schema.pending(self._version(db), schema.scripts("postgres")):
                db.execute(script.encode())
                db.execute(
                    "insert into meta values ('schema', %s) on conflict (name) do update set value = excluded.value",
                    (str(number),),
                )
            db.execute("insert into meta values ('partitions', %s) on conflict do nothing", (str(partitions),))
        return int(self._rows("select value from meta where name = 'partitions'")[0][0])

    def _version(self, db: Connection[Row]) -> int:
        if db.execute("select to_regclass('meta')").fetchall() == [(None,)]:
            return 0
        return int(db.execute("select value from meta where name = 'schema'").fetchall()[0][0])

    def close(self) -> None:
        if self._worker and self._pulse is not None and not self._pulse.closed:
            with contextlib.suppress(psycopg.Error):
                workers.leave(self._pulse, self._worker)
        self._hang_up()
        if self._pulse is not None:
            self._pulse.close()
            self._pulse = None

    def _hang_up(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None

    # -- working together

    def beat(self, worker: str, roles: Sequence[str], wanted: Iterable[str], within_s: float) -> Beat:
        writer = self._held
        writers = [] if writer is None or writer.closed else [writer.info.backend_pid]
        with self._listening() as db:
            beat = workers.beat(db, worker, roles, wanted, within_s, writers=writers, former=self._worker)
        self._worker, self._alone, self.partitions = worker, len(beat.members) == 1, beat.partitions
        return beat

    def wait(self, timeout_s: float) -> bool:
        with self._listening() as db:
            return workers.heard(db, self._worker, timeout_s)

    @contextlib.contextmanager
    def _listening(self) -> Iterator[Connection[Row]]:
        """The connection that beats and hears of others' commits."""
        try:
            if self._pulse is None or self._pulse.closed:
                self._pulse = connected(self._url)
                self._pulse.execute(workers.SETTINGS)
                self._pulse.execute(f"listen {workers.CHANNEL}".encode())
            yield self._pulse
        except _UNANSWERED as error:
            if self._pulse is not None:
                self._pulse.close()
            raise Unavailable(f"the journal's PostgreSQL did not answer: {type(error).__name__}: {_first_line(error)}") from None

    @contextlib.contextmanager
    def _speaking(self) -> Iterator[Connection[Row]]:
        """The connection; whatever the server cannot do becomes Unavailable, and the next call begins with a new connection."""
        try:
            if self._held is None or self._held.closed:
                self._held = connected(self._url)
            yield self._held
        except errors.DeadlockDetected:
            raise
        except _UNANSWERED as error:
            # also where the connection survived: it may still hold the lock of journal_positions
            self._hang_up()
            raise Unavailable(f"the journal's PostgreSQL did not answer: {type(error).__name__}: {_first_line(error)}") from None

    # -- writing

    @contextlib.contextmanager
    def alone(self, names: Iterable[str]) -> Iterator[None]:
        """Locks of the connection that commits: they end with it, and whoever hangs loses it (see ``workers``)."""
        locks = sorted(int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True) for name in set(names))
        if not locks:
            yield
            return
        with self._speaking() as db:
            db.execute(_LOCK, (locks,))
        try:
            yield
        finally:
            if self._held is db:
                self._unlock(db, locks)

    def _unlock(self, db: Connection[Row], locks: Sequence[int]) -> None:
        """What was committed is durable whatever becomes of the connection now."""
        try:
            db.execute(_UNLOCK, (list(locks),))
        except psycopg.Error:
            self._hang_up()

    def commit(self, units: Sequence[Unit]) -> list[Committed]:
        drafts = [draft(unit, self._keys) for unit in units]
        for _ in range(_ATTEMPTS):
            # a deadlock or a race wrote nothing, so beginning anew is safe
            with contextlib.suppress(_Overtaken, errors.DeadlockDetected), self._speaking() as db:
                return self._attempt(db, drafts)
        raise Unavailable(f"other writers were first {_ATTEMPTS} times; commit again")

    def _attempt(self, db: Connection[Row], drafts: Sequence[Draft]) -> list[Committed]:
        with db.pipeline() as pipeline, db.transaction():
            batch = self._fold(db, drafts)
            writes = _Writes(db)
            if self._worker:
                writes.each(_STILL_ALIVE, [(self._worker,)], "workers")
            divided = db.execute(_DIVIDED if self._worker else _DIVIDED_STILL, prepare=True) if batch.work else None
            self._write_facts(writes, batch)
            self._write_lives(writes, batch)
            self._write_rest(writes, batch)
            if self._worker and not self._alone:
                db.execute(_TELL.encode(), (self._worker,))
            pipeline.sync()
            writes.check()
            self._check_division(divided)
        return batch.answers

    def _check_division(self, divided: Cursor[Row] | None) -> None:
        """Work belongs into the partitions that there are now: if their count has changed, the commit begins anew."""
        if divided is not None and (count := int(divided.fetchall()[0][0])) != self.partitions:
            self.partitions = count
            raise _Overtaken

    def _fold(self, db: Connection[Row], drafts: Sequence[Draft]) -> Batch:
        onces = [event.once for draft in drafts for event in draft.events]
        known: set[str] = set()
        first = 0
        if onces:
            # first of all the transaction's id and positions: nothing may be written before
            reserved = db.execute(_RESERVE, (len(onces),))
            found = db.execute(_KNOWN, (onces,))
            first, known = reserved.fetchall()[0][0], {once for (once,) in found.fetchall()}
        batch = Batch(first, known, self.partitions)
        for each in drafts:
            batch.add(each)
        return batch

    def _write_facts(self, writes: _Writes, batch: Batch) -> None:
        writes.events = writes.send(_INSERT_EVENTS, batch.events)
        writes.send(_INSERT_REFS, batch.refs)
        writes.send(_INSERT_WORK, batch.work)
        writes.send(_INSERT_BLOBS, list(batch.blobs.items()))
        writes.send(_COUNT_REPEATS, list(batch.repeats.items()))

    def _write_lives(self, writes: _Writes, batch: Batch) -> None:
        writes.each(_DELETE_WORK, [(id,) for id in batch.done], "work")
        writes.each(_BEGIN_STATES, batch.begun(), "states")
        writes.each(_MOVE_STATES, batch.moved(), "states")
        writes.each(_SETTLE, batch.settled(), "settlements")
        self._deliver(writes, batch.deliveries())
        writes.each(_FIRE, batch.fired(), "timers")

    def _write_rest(self, writes: _Writes, batch: Batch) -> None:
        writes.send(_ARM, batch.armed())
        writes.send(_CANCEL, batch.cancelled())
        writes.send(_MOVE_CURSORS, list(batch.cursors.items()))
        writes.each(_INSERT_SEALS, list(batch.checkpoints.values()), "seals")

    def _deliver(self, writes: _Writes, deliveries: Sequence[Row]) -> None:
        """New deliveries; each says how many come after it for the same instance, which gives its number."""
        later: dict[str, int] = {}
        numbered = []
        for row in reversed(deliveries):
            numbered.append((*row, later.get(row[1], 0)))
            later[row[1]] = later.get(row[1], 0) + 1
        writes.send(_COUNT_DELIVERIES, [(f"number/{instance}", count) for instance, count in later.items()])
        writes.each(_DELIVER, numbered[::-1], "deliveries")

    # -- reading

    def _rows(self, query: str, **values: str | int | list[str]) -> list[Row]:
        return self._asked(_spoken(query), values)

    def _asked(self, query: str, values: Mapping[str, object]) -> list[Row]:
        with self._speaking() as db, db.cursor(binary=True) as cursor:
            return cursor.execute(query.encode(), values).fetchall()

    def _work(self, partitions: list[int], limit: int) -> list[Row]:
        return self._asked(_WORK, {"partitions": partitions, "limit": limit})

    def _states(self, keys: list[tuple[str, str]]) -> list[Row]:
        return self._asked(_STATES, {"processes": [process for process, _ in keys], "keys": [key for _, key in keys]})

    def count_states(self, process: str, beginning: bytes) -> int:
        return int(self._asked(_COUNT_STATES, {"process": process, "beginning": beginning})[0][0])

    def bodies(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        return [(position, body) for position, body in self._whole(self._rows(_BODIES, after=after, limit=limit))]

    def _write(self, statement: str, **values: str | int) -> int:
        with self._speaking() as db:
            return db.execute(_spoken(statement).encode(), values).rowcount


class _Writes:
    """The statements of one commit under way in a pipeline, and how many rows each must have written."""

    def __init__(self, db: Connection[Row]) -> None:
        self._db = db
        self._expected: list[tuple[Cursor[Row], int, str]] = []
        self.events: tuple[Cursor[Row], int] | None = None

    def send(self, statement: str, values: Sequence[Row]) -> tuple[Cursor[Row], int] | None:
        """Run a statement over all rows at once, one array for each column."""
        if not values:
            return None
        columns: list[Any] = [list(column) for column in zip(*values, strict=True)]
        return self._db.execute(statement.encode(), columns), len(values)

    def each(self, statement: str, values: Sequence[Row], what: str) -> None:
        """The same, where every row must be written."""
        sent = self.send(statement, values)
        if sent is not None:
            self._expected.append((*sent, what))

    def check(self) -> None:
        """Raises _Overtaken if an event was not new after all, Fenced if any row was not as expected."""
        if self.events is not None and self.events[0].rowcount != self.events[1]:
            raise _Overtaken
        for cursor, sent, what in self._expected:
            if cursor.rowcount != sent:
                raise Fenced(f"{sent - cursor.rowcount} of {sent} {what} were not as expected")


@functools.cache
def _spoken(query: str) -> str:
    """The query as psycopg understands it: a list arrives as an array."""
    none = re.sub(r"not in \(:(\w+)\.\.\.\)", r"<> all(%(\1)s::text[])", query)
    listed = re.sub(r"in \(:(\w+)\.\.\.\)", r"= any(%(\1)s::text[])", none)
    return re.sub(r"(?<!:):([a-z]\w*)", r"%(\1)s", listed)


def connected(url: str) -> Connection[Row]:
    """A connection with our settings; raises Unavailable for an address that cannot be read, and what the driver raises."""
    try:
        missing = {name: value for name, value in _LOST.items() if name not in conninfo_to_dict(url)}
        db = psycopg.connect(make_conninfo(url, **missing), autocommit=True, prepare_threshold=2)
    except psycopg.ProgrammingError:
        # the driver would repeat the address, which may hold a password
        raise Unavailable("the journal's PostgreSQL address cannot be read; write postgresql://USER@HOST/DATABASE") from None
    db.execute(_SETTINGS)
    return db


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0]

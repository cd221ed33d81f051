"""The journal in PostgreSQL: many workers on many hosts, one round trip a commit, readers that never skip."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

import psycopg
from psycopg import Connection, Cursor, errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from suture.journal import schema, workers
from suture.journal.batch import Batch, Repeated
from suture.journal.columns import column, understood_by
from suture.journal.drafts import Draft, draft
from suture.journal.reading import Reading
from suture.journal.records import Beat, Committed, Fenced, Unavailable, Unit
from suture.journal.rows import Row
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

# in the order in which they are sent, which is the same for all: nobody waits in a circle
_LOCK = "select pg_advisory_lock(lock) from unnest(%s::bigint[]) as lock"
_UNLOCK = "select pg_advisory_unlock(lock) from unnest(%s::bigint[]) as lock"
#: What ``journal_commit`` raises: rows that were not as expected, and another writer who came between.
_FENCED, _OVERTAKEN = "SU001", "SU002"
_KNOWN = "select once from events where once in (:onces...)"
_DIVIDED = "select value from meta where name = 'partitions'"
_WORK = f"""select w.id, w.process, w.key, e.position, e.body from (
    select w.* from unnest(%(partitions)s::int[]) as mine (partition) cross join lateral (
        select id, process, key from work where partition = mine.partition and {_SETTLED} order by id limit %(limit)s) as w
    order by w.id limit %(limit)s) as w
join events e on e.position = w.id >> 16 order by w.id""".encode()
_STATES = b"""select process, key, version, data from states
where (process, key) in (select * from unnest(%(processes)s::text[], %(keys)s::text[]))"""
_COUNT_STATES = b"""select count(*) from states
where process = %(process)s and substring(data for length(%(beginning)s::bytea)) = %(beginning)s::bytea"""
_LATEST = f"select position from events where {_SETTLED} order by position desc limit 1"
_BODIES = f"select position, body from events where position > :after and {_SETTLED} order by position limit :limit"


#: What a commit can say about each table, column by column, as ``journal_commit`` takes it.
_SAYS = {
    table: tuple(tuple(column.split()) for column in columns.split(", "))
    for table, columns in {
        "events": "position bigint, once text, kind text, type text, source text, at bigint, root text, body bytea",
        "refs": "id text, type text, position bigint, role text",
        "work": "id bigint, partition integer, process text, key text",
        "blobs": "address text, sealed bytea",
        "repeats": "once text, times bigint",
        "done": "id bigint",
        "begun": "process text, key text, version bigint, data bytea",
        "moved": "version bigint, data bytea, process text, key text, was bigint",
        "settled": "status text, attempts bigint, due bigint, reference text, note text, document bytea, id text, was text, "
        "attempts_was bigint",
        "counted": "name text, value bigint",
        "deliveries": "id text, instance text, role text, key text, document bytea, due bigint, process text, process_key text, "
        "cause text, root text, created bigint, status text, attempts bigint, priority bigint, reference text, note text, "
        "later bigint",
        "fired": "process text, key text, name text, due bigint",
        "armed": "process text, key text, name text, due bigint, cause text, root text",
        "cancelled": "process text, key text, name text",
        "cursors": "name text, position bigint",
        "seals": "position bigint, events bigint, head text, at bigint, signature text",
    }.items()
}


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
        self._cursor: Cursor[Row] | None = None
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
        onces = [event.once for each in drafts for event in each.events]
        known: set[str] | None = None
        for _ in range(_ATTEMPTS):
            # a deadlock or a race wrote nothing, so beginning anew is safe
            with contextlib.suppress(_Overtaken, errors.DeadlockDetected):
                try:
                    return self._attempt(drafts, known)
                except (Fenced, Repeated) as error:
                    # units that contradict each other may be repeats
                    seen, known = known, {once for (once,) in self._rows(_KNOWN, onces=onces)}
                    if known == seen:
                        raise error from None
        raise Unavailable(f"other writers were first {_ATTEMPTS} times; commit again")

    def _attempt(self, drafts: Sequence[Draft], known: Container[str] | None) -> list[Committed]:
        """Commit all but what is ``known``, with positions counted from 0 until the journal has given the first one.

        What comes for the first time is the rule, so nobody looks (None) before something speaks against it.
        """
        batch = Batch(0, known or (), self.partitions)
        for each in drafts:
            batch.add(each)
        if batch.repeats and known is None:
            raise Repeated
        asked = batch.sending()
        first, numbers = self._called(_said(batch), asked)
        if not first and batch.next:
            raise Repeated
        return batch.answers({id: number for id, number in zip(asked, numbers, strict=True) if number}, first)

    def _called(self, says: Mapping[str, Sequence[Row]], asked: Sequence[str]) -> tuple[int, Sequence[int]]:
        """One round trip: the first position; 0 without events, and with nothing written where one of them is in the journal.

        And the number of each delivery that is ``asked`` to go out at once; 0 where it does not.

        Raises Fenced if any row was not as expected, _Overtaken if another writer came between; then nothing is written.
        """
        values = [
            column(type, values)
            for table, rows in says.items()
            for (_, type), values in zip(_SAYS[table], zip(*rows, strict=True), strict=True)
        ]
        about = (str(self.partitions) if "work" in says else "", self._worker, "" if self._alone else workers.CHANNEL)
        try:
            if not asked:
                return int(self._ask(_call(tuple(says)), (*values, *about))[0][0]), ()
            first, numbers = self._ask(_call_and_go(tuple(says)), (column("text", asked), *values, *about))[0]
            return int(first), numbers or [0] * len(asked)
        except psycopg.DatabaseError as error:
            if error.sqlstate == _FENCED:
                raise Fenced(error.diag.message_primary) from None
            if error.sqlstate == _OVERTAKEN:
                self.partitions = int(self._rows(_DIVIDED)[0][0])
                raise _Overtaken from None
            raise

    # -- reading

    def _rows(self, query: str, **values: str | int | list[str]) -> list[Row]:
        said = {name: column("text", value) if isinstance(value, list) else value for name, value in values.items()}
        return self._ask(_spoken(query), said)

    def _ask(self, query: bytes, values: Mapping[str, object] | Sequence[object]) -> list[Row]:
        with self._speaking() as db:
            if self._cursor is None or self._cursor.connection is not db:
                self._cursor = db.cursor(binary=True)
            return self._cursor.execute(query, values).fetchall()

    def _work(self, partitions: list[int], limit: int) -> list[Row]:
        return self._ask(_WORK, {"partitions": column("integer", partitions), "limit": limit})

    def _states(self, keys: list[tuple[str, str]]) -> list[Row]:
        processes, names = zip(*keys, strict=True) if keys else ((), ())
        return self._ask(_STATES, {"processes": column("text", processes), "keys": column("text", names)})

    def count_states(self, process: str, beginning: bytes) -> int:
        return int(self._ask(_COUNT_STATES, {"process": process, "beginning": beginning})[0][0])

    def latest(self) -> int:
        found = self._rows(_LATEST)
        return int(found[0][0]) if found else 0

    def bodies(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        return [(position, body) for position, body in self._whole(self._rows(_BODIES, after=after, limit=limit))]

    def _write(self, statement: str, **values: str | int) -> int:
        with self._speaking() as db:
            return db.execute(_spoken(statement), values).rowcount


def _said(batch: Batch) -> Mapping[str, Sequence[Row]]:
    """The rows of a batch under the names of ``_SAYS``."""
    tables = dict(batch.tables())
    if "deliveries" in tables:
        tables["counted"], tables["deliveries"] = _numbered(tables["deliveries"])
    return tables


def _numbered(deliveries: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """How many each instance gets; and the deliveries, each saying how many come after it there, which gives its number."""
    later: dict[str, int] = {}
    numbered = []
    for row in reversed(deliveries):
        numbered.append((*row, later.get(row[1], 0)))
        later[row[1]] = later.get(row[1], 0) + 1
    return [(f"number/{instance}", count) for instance, count in later.items()], numbered[::-1]


@functools.cache
def _call(tables: tuple[str, ...]) -> bytes:
    """The call of a commit that says something about these tables."""
    given = [f"{table}_{column} => %b::{type}[]" for table in tables for column, type in _SAYS[table]]
    about = [f"{name} => %b::text" for name in ("divided", "committer", "channel")]
    return f"select journal_commit({', '.join((*given, *about))})".encode()


@functools.cache
def _call_and_go(tables: tuple[str, ...]) -> bytes:
    """The same, and then which of these new deliveries go out at once: functions see what was written in their statement.

    Nothing was written where events have no first position.
    """
    going = b"case when said.first > 0 then journal_going(%b::text[]) end" if "events" in tables else b"journal_going(%b::text[])"
    return b"select said.first, " + going + b" from (" + _call(tables) + b" as first offset 0) as said"


@functools.cache
def _spoken(query: str) -> bytes:
    """The query as psycopg understands it: a list arrives as an array."""
    none = re.sub(r"not in \(:(\w+)\.\.\.\)", r"<> all(%(\1)s::text[])", query)
    listed = re.sub(r"in \(:(\w+)\.\.\.\)", r"= any(%(\1)s::text[])", none)
    return re.sub(r"(?<!:):([a-z]\w*)", r"%(\1)s", listed).encode()


def connected(url: str) -> Connection[Row]:
    """A connection with our settings; raises Unavailable for an address that cannot be read, and what the driver raises."""
    try:
        missing = {name: value for name, value in _LOST.items() if name not in conninfo_to_dict(url)}
        db = psycopg.connect(make_conninfo(url, **missing), autocommit=True, prepare_threshold=2)
    except psycopg.ProgrammingError:
        # the driver would repeat the address, which may hold a password
        raise Unavailable("the journal's PostgreSQL address cannot be read; write postgresql://USER@HOST/DATABASE") from None
    understood_by(db)
    db.execute(_SETTINGS)
    return db


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0]

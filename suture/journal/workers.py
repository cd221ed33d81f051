"""Who works on a journal in PostgreSQL: signs of life and leases, on a connection of their own.

A worker is dead when it has not beaten for as long as it promised, or when the server has lost its connection: a killed
process is noticed at the next beat of another, one that hangs or is cut off after its promise. After a takeover of the database
everybody has its promise to find the new server. A dead worker's row goes, and with it everything that it could still commit
(see ``PostgresJournal.commit``); its leases are free. A commit of its that hangs keeps the row locked, and is ended with its
connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from psycopg import Connection

from suture.journal.records import Beat, Fenced
from suture.journal.rows import Row

#: Where commits of one process wake the others.
CHANNEL = "suture_committed"
#: Who is stopped or cut off in the middle of a beat would keep the others from beating: the server ends it after that.
SETTINGS = b"set idle_in_transaction_session_timeout = '1s'"
#: Beats come one after the other: each sees what the one before has taken.
BEATING = 7316884263

# one start of one server: its timeline changes when a standby takes over, its start when it comes back
_SERVER = "left(pg_walfile_name(pg_current_wal_lsn()), 8) || ' ' || pg_postmaster_start_time()"
_JOIN = f"""insert into workers (worker, roles, until, backends, server)
values (%s, %s, clock_timestamp() + make_interval(secs => %s), pg_backend_pid() || %s::int[], {_SERVER})"""
_STAY = f"""update workers set until = clock_timestamp() + make_interval(secs => %s), backends = pg_backend_pid() || %s::int[],
server = {_SERVER} where worker = %s"""
# a process that is stopped in the middle of a commit would keep its row locked for as long as it is stopped
_HANG_UP = f"""select pg_terminate_backend(a.pid) from workers w join pg_stat_activity a on a.pid = any(w.backends[2:])
where w.worker <> %s and w.until < clock_timestamp() and a.backend_start < w.until and w.server = {_SERVER}"""
_DEAD = f"""select worker from workers w where worker <> %s and (until < clock_timestamp()
    or (server = {_SERVER} and not exists (select 1 from pg_stat_activity a where a.pid = w.backends[1])))"""
# a row that is locked belongs to a commit under way: it is looked at again at the next beat
_GIVE_UP = f"delete from workers where worker in ({_DEAD} for update skip locked)"
# also here: a commit of its own under way keeps it until the next beat of anybody
_FORGET = "delete from workers where worker in (select worker from workers where worker = %s for update skip locked)"
_FREE = "delete from leases where worker not in (select worker from workers)"
_TAKE = "insert into leases select name, %s from unnest(%s::text[]) as name order by name on conflict do nothing"
_GIVE_BACK = "delete from leases where worker = %s and name <> all(%s::text[])"
_LOOK = f"""select (select coalesce(json_object_agg(name, worker), '{{}}') from leases),
    (select json_object_agg(worker, roles order by worker) from workers),
    (select value from meta where name = 'partitions'), exists ({_DEAD})"""


class _Seen(NamedTuple):
    """Who has which part, who lives in which roles, the number of partitions, and whether somebody is dead."""

    leases: dict[str, str]
    members: dict[str, str]
    partitions: str
    dead: bool

    def settled(self, worker: str, wanted: Iterable[str]) -> bool:
        """Whether nothing is to be done: nobody is dead or has left anything, and we have what we want and nobody else has."""
        owned = {name for name, owner in self.leases.items() if owner == worker}
        return not self.dead and owned <= set(wanted) <= self.leases.keys() and self.members.keys() >= set(self.leases.values())


def beat(
    db: Connection[Row],
    worker: str,
    roles: Sequence[str],
    wanted: Iterable[str],
    within_s: float,
    *,
    writers: Sequence[int],
    former: str,
) -> Beat:
    """One sign of life in one transaction; raises Fenced if the worker has been given up.

    ``former`` is the name under which it beat before; under another one it begins anew, and leaves the former one.
    ``writers`` are the server's process numbers of the connections on which the worker commits.
    """
    names = sorted(wanted)
    # what nearly every beat consists of goes to the server in one piece
    with db.pipeline(), db.transaction():
        db.execute("select pg_advisory_xact_lock(%s)", (BEATING,))
        if worker != former:
            db.execute(_FORGET, (former,))
            signed = db.execute(_JOIN, (worker, ",".join(roles), within_s, list(writers)))
        else:
            signed = db.execute(_STAY, (within_s, list(writers), worker))
        seen = _look(db, worker)
        if signed.rowcount != 1:
            raise Fenced(f"{worker} was given up by the others")
        if not seen.settled(worker, names):
            db.execute(_HANG_UP, (worker,))
            db.execute(_GIVE_UP, (worker,))
            db.execute(_FREE)
            db.execute(_TAKE, (worker, names))
            db.execute(_GIVE_BACK, (worker, names))
            seen = _look(db, worker)
    return Beat(
        held=frozenset(name for name, owner in seen.leases.items() if owner == worker),
        taken=frozenset(seen.leases),
        members=tuple((name, tuple(plays.split(","))) for name, plays in seen.members.items()),
        partitions=int(seen.partitions),
    )


def _look(db: Connection[Row], worker: str) -> _Seen:
    (row,) = db.execute(_LOOK, (worker,)).fetchall()
    return _Seen(*row)


def leave(db: Connection[Row], worker: str) -> None:
    """The worker ends: the others need not wait for its promise."""
    with db.transaction():
        db.execute("delete from leases where worker = %s", (worker,))
        db.execute("delete from workers where worker = %s", (worker,))


def heard(db: Connection[Row], worker: str, timeout_s: float) -> bool:
    """Whether another worker has committed something before the timeout."""
    return any(note.payload != worker for note in db.notifies(timeout=timeout_s, stop_after=1))

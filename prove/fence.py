"""Who commits to a journal in PostgreSQL, by the database's own account: kept by triggers, past Suture.

A commit that is undone leaves no row, but the sequence of its host has counted it all the same.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Sequence

import psycopg

from suture.journal import Fenced, Unavailable, Unit
from suture.journal.postgres import PostgresJournal

_BOOKS = """
create table proof_commits (at timestamptz not null, host inet not null);
create index on proof_commits (host, at);
create table proof_members (worker text primary key, host inet not null, joined timestamptz not null, gone timestamptz);

create function proof_commit() returns trigger language plpgsql as $$
begin
    if current_setting('proof.counted', true) is distinct from pg_current_xact_id()::text then
        perform set_config('proof.counted', pg_current_xact_id()::text, true);
        perform nextval('"proof_' || host(inet_client_addr()) || '"');
        insert into proof_commits values (clock_timestamp(), inet_client_addr());
    end if;
    return null;
end $$;

create function proof_join() returns trigger language plpgsql as $$
begin
    insert into proof_members values (new.worker, inet_client_addr(), clock_timestamp(), null);
    return null;
end $$;

create function proof_leave() returns trigger language plpgsql as $$
begin
    update proof_members set gone = clock_timestamp() where worker = old.worker;
    return null;
end $$;

create trigger proof_join after insert on workers for each row execute function proof_join();
create trigger proof_leave after delete on workers for each row execute function proof_leave();
create trigger proof_events after insert on events execute function proof_commit();
create trigger proof_states after insert or update on states execute function proof_commit();
create trigger proof_deliveries after insert or update on deliveries execute function proof_commit();
insert into proof_members select worker, '0.0.0.0', clock_timestamp(), null from workers;
"""
_TRIED = "select coalesce(sum(last_value), 0) from pg_sequences where sequencename like 'proof\\_%'"
_KEPT = "select count(*) from proof_commits"
_AFTERWARDS = """select count(*) from proof_members gone join proof_commits c on c.host = gone.host and c.at > gone.gone
where gone.worker = any(%s) and c.at < coalesce(
    (select min(next.joined) from proof_members next where next.host = gone.host and next.joined > gone.gone), 'infinity')"""
_WHO = "select worker from workers where worker like %s"


class Fence:
    """The account of one journal, from ``keep`` on; hosts are told apart by their addresses."""

    def __init__(self, address: str, hosts: Iterable[str]) -> None:
        self.address, self._hosts = address, tuple(hosts)

    def keep(self) -> None:
        """Begin to keep account; the tables of the journal must be there."""
        with psycopg.connect(self.address) as db:
            for host in self._hosts:
                db.execute(f'create sequence "proof_{host}"'.encode())
            db.execute(_BOOKS.encode())

    def names(self, pid: int) -> list[str]:
        """The names under which a process beats just now."""
        with psycopg.connect(self.address) as db:
            return [name for (name,) in db.execute(_WHO, (f"%-{pid}-%",))]

    def undone(self) -> int:
        """How many commits that were begun did not come to be; exact once nobody commits any more."""
        with psycopg.connect(self.address) as db:
            ((tried,),) = db.execute(_TRIED).fetchall()
            ((kept,),) = db.execute(_KEPT).fetchall()
        return int(tried) - int(kept)

    def afterwards(self, workers: Sequence[str]) -> int:
        """How many commits these workers' hosts made after each was given up, and before somebody there joined again."""
        with psycopg.connect(self.address) as db:
            ((count,),) = db.execute(_AFTERWARDS, (list(workers),)).fetchall()
        return int(count)


class Zombie:
    """One that gives one sign of life, is given up, and writes on through Suture's own journal as if nothing had happened."""

    def __init__(self, address: str, within_s: float) -> None:
        self._journal, self._name = PostgresJournal(address, bytes(32)), f"zombie-0-{secrets.token_hex(4)}"
        self._journal.beat(self._name, (), (), within_s)

    async def writes(self, times: int) -> int:
        """Write so often, which everybody is to see; returns how many of these commits were refused."""
        try:
            return sum([await asyncio.to_thread(self._refused, number) for number in range(times)])
        finally:
            self._journal.close()

    def _refused(self, number: int) -> bool:
        try:
            self._journal.commit([Unit(cursors=[(self._name, number)])])
        except (Fenced, Unavailable):  # the first may meet the end of its connection
            return self._journal.cursor(self._name) == 0
        return False

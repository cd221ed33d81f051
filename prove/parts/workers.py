"""Several workers on several hosts over one PostgreSQL: killed, stopped, cut off, added, removed and upgraded under load."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from asyncio.subprocess import PIPE
from collections import Counter, defaultdict
from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random

import psycopg
from msgspec import Struct

from prove import hosts
from prove.clerk import attended
from prove.count import Counted, count, journal_of
from prove.fence import Fence, Zombie
from prove.hosts import Hosts
from prove.house import House
from prove.part import Part, Result, Table, Task
from prove.postgres import Postgres, binaries
from prove.service import ROOT, Service
from suture.extensions import found
from suture.journal import Journal
from suture.model import Delivered, MessageReceived
from suture.runtime import attendance
from suture.runtime.network import Network, read_network
from suture.runtime.share import CLOCK, SEAL, lane, partition
from suture.sandbox.sockets import Calls
from suture.systems import System
from suture.views import history

#: Needs at full size; each leads to eleven documents or so, 100,000 in all.
NEEDS = 9000
#: Needs that arise each second.
LOAD = 8.0
#: How much of the group's day passes in a second: an hour and more of ours has to end before today, or invoices are not due.
PACE = timedelta(hours=1)
#: What happens at full size, and how often.
EVENTS = {"killed": 20, "stopped": 12, "cut off from PostgreSQL": 12, "added": 6, "removed": 6}
#: Where workers live, and what those there do.
PLACES = {"w1": ("gateway", "worker", "deliver"), "w2": ("gateway", "worker", "deliver"), "w3": ("worker", "deliver")}
#: How long a takeover may take: who is killed, and who hangs, in seconds.
GOALS = {"killed": 1.0, "stopped": 5.0, "cut off from PostgreSQL": 5.0}
#: Ceilings of some counterparts, in calls a second: below what they would be called in a busy second.
RATES = {"erp-north": 30.0, "inventory-main": 30.0, "procurement": 60.0}
#: Who is told nothing: of these no outcome is to be waited for.
SILENT = ("ehr-main", "ehr-pine")
#: Commits that a worker tries which has been given up.
TRIES = 20
#: How long somebody stays stopped or cut off, and the pause between two events, in seconds.
AWAY_S, PEACE = 6.0, (1.5, 4.0)
WITHIN_S = 60.0
#: How long the bank may say nothing about a payment file until a person is asked, in seconds; two days otherwise.
ANSWERS_WITHIN_S = 120.0


class Event(Struct, frozen=True, kw_only=True):
    """What happened: seconds until every part of the one concerned was another's, and until that one's first commit."""

    what: str
    taken_over: float
    committed: float


class Pace(Struct, frozen=True, kw_only=True):
    """How one counterpart was called, as it counted itself: its ceiling in calls a second, the most calls in any second and in
    any ten, the most at a time, and how many may be under way at a time."""

    name: str
    rate: float
    second: int
    ten: int
    at_once: int
    concurrency: int

    @property
    def held(self) -> bool:
        """Whether the ceiling was kept in any second, and what may be under way at a time was."""
        return self.second <= self.rate and self.at_once <= self.concurrency


class Seen(Struct, frozen=True, kw_only=True):
    """Everything that the storm saw. ``answered`` counts what a person decided about payment files in doubt; ``undone`` are
    commits that were begun and did not come to be, ``afterwards`` those that did though their worker had been given up,
    ``zombie`` what one that had been given up tried to commit, and how much of it was refused; ``versions`` are messages by the
    mapping that read them."""

    events: list[Event]
    answered: int
    counted: Counted
    late: list[str]
    undone: int
    zombie: tuple[int, int]
    afterwards: int
    paces: list[Pace]
    versions: Mapping[str, int]


class Worker(Struct, kw_only=True):
    """One ``suture run`` on a host."""

    place: str
    service: Service

    @property
    def pid(self) -> int:
        """Its process, which stands in its name."""
        return self.service.process.pid


def run(task: Task) -> Result:
    """The part."""
    programs, why = binaries(), hosts.missing()
    if programs is None or why:
        return Result(held=False, skipped=why or "there is no PostgreSQL server on this machine")
    with Hosts(("db", *PLACES)) as there:
        inside = there.inside("db", unprivileged=True)
        server = Postgres(programs, task.folder / "postgres", there.addresses["db"], inside)
        try:
            server.make()
            seen = asyncio.run(Storm(task, there, server.address).run())
        finally:
            server.stop()
    return _result(seen)


class Storm:
    """Workers on their hosts, the house here, and what happens to them."""

    def __init__(self, task: Task, there: Hosts, address: str) -> None:
        self.task, self.there, self.address = task, there, address
        self.folder = task.folder / "house"
        self.workers: dict[str, Worker] = {}
        self.events: list[Event] = []
        self.chance = Random("workers")
        #: What somebody has to own at any time; a version may know of more.
        self.parts: set[str] = set()
        self.root = ROOT
        self.fence = Fence(address, [there.addresses[place] for place in PLACES])
        self.zombie = (0, 0)
        self.given_up: list[str] = []
        self._numbers = itertools.count(1)

    async def run(self) -> Seen:
        """Everything; then what happened, the count, and what came out of order."""
        self.folder.mkdir()
        doors = [self.there.addresses[place] for place, roles in PLACES.items() if "gateway" in roles]
        async with House(self.folder, seed=7, load=LOAD, host=self.there.here, doors=doors, pace=PACE) as house:
            network = house.write_network(listen="0.0.0.0", rates=RATES, answers_within_s=ANSWERS_WITHIN_S)
            self.parts = {partition(number) for number in range(16)} | {CLOCK, SEAL}
            self.parts |= {lane(instance.name) for instance in read_network(network).instances}
            try:
                await self._upgrade(network)
                await self._happen(network)
                while house.filed < self.task.of(NEEDS, least=150):
                    await asyncio.sleep(0.2)
                house.load = 0
                self.task.tell(f"{house.filed} needs filed; waiting until all is done")
                left, answered = await attended(house, self.address)
                for worker in list(self.workers.values()):
                    await worker.service.stopped()
            finally:
                await self._end()
            return Seen(
                events=self.events,
                answered=answered,
                counted=await count(house, left, self.address),
                late=await asyncio.to_thread(disordered, self.folder, self.address),
                undone=self.fence.undone(),
                zombie=self.zombie,
                afterwards=self.fence.afterwards(self.given_up),
                paces=list(_paces(read_network(network), house.sockets.calls)),
                versions=await asyncio.to_thread(_versions, self.folder, self.address),
            )

    async def _end(self) -> None:
        for worker in self.workers.values():
            if worker.service.process.returncode is None:
                await worker.service.killed()

    # -- what happens

    async def _upgrade(self, network: Path) -> None:
        """All begin with the version before; one after the other is replaced under load."""
        self.root = await asyncio.to_thread(_version_before, self.folder / "before")
        for place in PLACES:
            await self._begin(network, place, place)
        await self._shared()
        await asyncio.to_thread(self.fence.keep)
        self.root = ROOT
        for place in PLACES:
            await asyncio.sleep(3.0)
            await self._watched("upgraded", self.workers[place], self._stop(place))
            await self._begin(network, place, place)
            await self._shared()

    async def _happen(self, network: Path) -> None:
        plan = [what for what, times in EVENTS.items() for _ in range(self.task.of(times))]
        self.chance.shuffle(plan)
        for number, what in enumerate(plan, 1):
            await asyncio.sleep(self.chance.uniform(*PEACE))
            name = self.chance.choice(sorted(PLACES))
            await self._one(what, name, network)
            await self._shared()
            latest = self.events[-1]
            self.task.tell(f"{number} of {len(plan)}, {what}: {latest.taken_over:.2f} s, first commit {latest.committed:.2f} s")

    async def _one(self, what: str, name: str, network: Path) -> None:
        worker = self.workers[name]
        if what in GOALS:
            self.given_up += await asyncio.to_thread(self.fence.names, worker.pid)
        if what == "killed":
            await self._watched(what, worker, self._kill(name))
            await self._begin(network, name, name)
        elif what == "stopped":
            zombie = Zombie(self.address, attendance.WITHIN_S)
            await self._watched(what, worker, self._signal(worker, signal.SIGSTOP))
            await asyncio.sleep(AWAY_S)
            await self._signal(worker, signal.SIGCONT)
            self.zombie = (self.zombie[0] + TRIES, self.zombie[1] + await zombie.writes(TRIES))
        elif what == "cut off from PostgreSQL":
            await self._watched(what, worker, asyncio.to_thread(self.there.cut_off, name, "db"))
            await asyncio.sleep(AWAY_S)
            await asyncio.to_thread(self.there.heal, name)
        elif what == "added":
            await self._add(network, name)
        else:
            more = await self._add(network, name, told=False)
            await self._shared()
            await self._watched(what, self.workers[more], self._stop(more))

    async def _add(self, network: Path, place: str, *, told: bool = True) -> str:
        """One more on a host for a while, which talks and decides."""
        name = f"{place}-{next(self._numbers)}"
        await self._begin(network, name, place, roles=("worker", "deliver"))
        began = time.monotonic()
        await self._shared()
        if told:
            self.events.append(Event(what="added", taken_over=time.monotonic() - began, committed=0.0))
            await self._stop(name)
        return name

    async def _kill(self, name: str) -> None:
        await self.workers.pop(name).service.killed()

    async def _stop(self, name: str) -> None:
        await self.workers.pop(name).service.stopped()

    async def _signal(self, worker: Worker, number: signal.Signals) -> None:
        worker.service.signal(number)

    async def _begin(self, network: Path, name: str, place: str, roles: Sequence[str] = ()) -> None:
        words = [word for role in roles or PLACES[place] for word in ("--role", role)]
        with (self.folder / "service.log").open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                *self.there.inside(place),
                *(sys.executable, "-m", "suture", "run", str(network), "--database", self.address, *words),
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(self.root), "PYTHONUNBUFFERED": "1"},
                stdout=PIPE,
                stderr=errors,
            )
        self.workers[name] = Worker(place=place, service=Service(process, self.folder / "service.log"))
        await self.workers[name].service.listening()

    # -- looking on, past Suture

    async def _watched(self, what: str, worker: Worker, happening: Awaitable[None]) -> None:
        """Do it, and wait until others have the parts and one of them has committed something about them."""
        parts, position = await asyncio.to_thread(self._owned, worker.pid)
        began = time.monotonic()
        looking = asyncio.create_task(asyncio.to_thread(self._moved, worker.pid, parts, position, began))
        await happening
        moved, committed = await looking
        self.events.append(Event(what=what, taken_over=moved, committed=committed))

    def _owned(self, pid: int) -> tuple[list[str], int]:
        with psycopg.connect(self.address, autocommit=True) as db:
            parts = [name for (name,) in db.execute("select name from leases where worker like %s", (f"%-{pid}-%",))]
            ((position,),) = db.execute("select coalesce(max(position), 0) from events").fetchall()
        return parts, position

    def _moved(self, pid: int, parts: Sequence[str], position: int, began: float) -> tuple[float, float]:
        """Seconds until all parts are others', and until the first word of one of their instances has been committed; the
        same where nothing is owed to any of them: no word is to be expected then."""
        lanes = (part.removeprefix("instance/") for part in parts if part.startswith("instance/"))
        instances = [instance for instance in lanes if instance not in SILENT]
        moved = 0.0
        with psycopg.connect(self.address, autocommit=True) as db:
            while time.monotonic() - began < WITHIN_S:
                time.sleep(0.02)
                if not moved and _others(db, pid, parts) == len(parts):
                    moved = time.monotonic() - began
                    ((position,),) = db.execute("select coalesce(max(position), 0) from events").fetchall()
                    if not _owed(db, instances):
                        return moved, moved
                if moved and _settled(db, instances, position):
                    return moved, time.monotonic() - began
        raise RuntimeError(f"{'nothing was committed for' if moved else 'nobody took'} what process {pid} had: {parts}")

    async def _shared(self) -> None:
        """Return when everything belongs to somebody who lives, and everybody who may has something."""
        deadline = time.monotonic() + WITHIN_S
        while time.monotonic() < deadline:
            if await asyncio.to_thread(self._all_shared):
                return
            await asyncio.sleep(0.05)
        raise RuntimeError(f"not shared: {await asyncio.to_thread(self._who)}")

    def _who(self) -> str:
        """Who lives, who owns how much, and what they complained of."""
        ends = {name: (worker.pid, worker.service.process.returncode) for name, worker in self.workers.items()}
        with psycopg.connect(self.address, autocommit=True) as db:
            owned = db.execute(
                "select worker, count(l.name) from workers left join leases l using (worker) group by 1"
            ).fetchall()
        return f"processes {ends}, parts {owned}; {next(iter(self.workers.values())).service.last_words()}"

    def _all_shared(self) -> bool:
        with psycopg.connect(self.address, autocommit=True) as db:
            owners: dict[str, str] = dict(db.execute("select name, worker from leases").fetchall())
            live = {worker for (worker,) in db.execute("select worker from workers")}
        pids = {owner.split("-")[-2] for owner in owners.values()}
        everybody = pids == {str(worker.pid) for worker in self.workers.values()} and len(live) == len(pids)
        return everybody and set(owners) >= self.parts


def _others(db: psycopg.Connection[tuple[object, ...]], pid: int, parts: Sequence[str]) -> int:
    found = db.execute("select count(*) from leases where name = any(%s) and worker not like %s", (list(parts), f"%-{pid}-%"))
    ((number,),) = found.fetchall()
    assert isinstance(number, int)
    return number


def _owed(db: psycopg.Connection[tuple[object, ...]], instances: Sequence[str]) -> bool:
    found = db.execute(
        "select 1 from deliveries where instance = any(%s) and status in ('queued', 'sending', 'unknown') limit 1",
        (list(instances),),
    )
    return bool(found.fetchall())


def _settled(db: psycopg.Connection[tuple[object, ...]], instances: Sequence[str], position: int) -> bool:
    found = db.execute(
        "select 1 from events where position > %s and kind = 'settled' and source = any(%s) limit 1", (position, list(instances))
    )
    return bool(found.fetchall())


def _version_before(folder: Path) -> Path:
    """The package as it was before the last commit that changed it (where there is no history, as it is), and what it reads
    bears the number of another mapping."""
    words = ("git", "-C", str(ROOT))
    listed = subprocess.run(
        [*words, "rev-list", "--max-count=2", "HEAD", "--", "suture"], capture_output=True, text=True, check=False
    )
    folder.mkdir()
    if listed.returncode or len(listed.stdout.split()) < 2:
        shutil.copytree(ROOT / "suture", folder / "suture")
    else:
        packed = subprocess.run([*words, "archive", listed.stdout.split()[1], "suture"], capture_output=True, check=True)
        subprocess.run(["tar", "-x", "-C", str(folder)], input=packed.stdout, check=True)
    mapping = folder / "suture" / "formats" / "json.py"
    mapping.write_text(mapping.read_text("utf-8").replace("version=1,", "version=0,"), "utf-8")
    return folder


def _versions(folder: Path, address: str) -> dict[str, int]:
    """How many JSON messages each version read, and how many the one before read after the next had begun to."""
    read: Counter[str] = Counter()
    with contextlib.closing(journal_of(folder, address)) as journal:
        for row in history(journal):
            if isinstance(row.event.data, MessageReceived) and row.event.mapping.startswith("json@"):
                read[row.event.mapping] += 1
                read["side by side"] += row.event.mapping == "json@0" and read["json@1"] > 0
    return read


def _paces(network: Network, calls: Mapping[str, Calls]) -> Iterator[Pace]:
    systems = found("suture.systems", "SYSTEM", System)
    for instance in network.instances:
        if instance.name in calls and instance.name in RATES:
            each = calls[instance.name]
            yield Pace(
                name=instance.name,
                rate=RATES[instance.name],
                second=each.most(1.0),
                ten=each.most(10.0),
                at_once=each.at_once,
                concurrency=instance.concurrency or systems[instance.system].concurrency,
            )


def disordered(folder: Path, address: str) -> list[str]:
    """Deliveries whose outcome was committed before that of an earlier one of the same instance and key."""
    journal = journal_of(folder, address)
    with contextlib.closing(journal):
        settled: dict[str, int] = {}
        after = 0
        while page := journal.read(after, 2000):
            after = page[-1].position
            for row in page:
                if isinstance(row.event.data, Delivered):
                    settled.setdefault(row.event.data.delivery, row.position)
        instances = [instance.name for instance in read_network(folder / "network.toml").instances]
        return [found for instance in instances for found in _out_of_order(journal, instance, settled)]


def _out_of_order(journal: Journal, instance: str, settled: dict[str, int]) -> Iterator[str]:
    last: dict[str, int] = defaultdict(int)
    after = 0
    while page := journal.scan_deliveries(instance, after):
        after = page[-1].sequence
        for delivery in page:
            at = settled.get(delivery.id, 0)
            if at and at < last[delivery.key]:
                yield f"{delivery.id} at {instance}"
            last[delivery.key] = max(last[delivery.key], at)


def _result(seen: Seen) -> Result:
    counted, late = seen.counted, seen.late
    slow = [event for event in seen.events if event.taken_over > GOALS.get(event.what, WITHIN_S)]
    fast = [pace for pace in seen.paces if not pace.held]
    told = seen.zombie[0] - seen.zombie[1] + seen.afterwards
    lines = (
        f"{len(PLACES)} hosts with addresses of their own (network namespaces on a bridge) served one PostgreSQL on a fourth; "
        "partners and their load were a fifth. Files of partners lie in a folder that all hosts share.",
        "All began with the version of the package before this one, and were replaced one after the other under load: the one "
        f"before read {seen.versions['json@0']:,} of the JSON messages, {seen.versions['side by side']:,} of them while this one "
        f"read others; this one read {seen.versions['json@1']:,}.",
        f"Afterwards {counted.documents:,} documents, {len(counted.lost)} lost, {len(counted.doubled)} doubled, {len(late)} out "
        "of order: all work was done, `python -m verifier` found the export sound, and the twins were counted.",
        "The first commit is the first outcome at one of the counterparts that moved. By the database's own account (triggers) "
        f"{seen.afterwards} commits came to be of a worker after it had been given up, and {seen.undone} that were begun were "
        f"taken back. One that had been given up, and wrote on through Suture's journal, was refused {seen.zombie[1]} of "
        f"{seen.zombie[0]} commits.",
        f"{seen.answered} times a person was asked about a payment file, since no word of the bank about it had been read within "
        f"{ANSWERS_WITHIN_S:.0f} s: such a file is never sent again by itself.",
        *(f"{event.what}: taken over after {event.taken_over:.1f} s, later than promised" for event in slow),
        *(f"{pace.name} was called more often than allowed" for pace in fast),
        *(f"out of order: {each}" for each in late[:5]),
        *counted.trouble(),
    )
    return Result(
        held=counted.held and not (late or slow or fast or told) and seen.versions["side by side"] > 0,
        lines=lines,
        tables=(_takeovers(seen), _ceilings(seen.paces)),
        figures=_figures(seen),
    )


def _takeovers(seen: Seen) -> Table:
    columns = ("event", "times", "taken over, median", "longest", "first commit, median", "longest")
    rows = tuple(_row(what, group) for what, group in _by_what(seen.events))
    return Table(title="Workers under load", columns=columns, rows=rows)


def _ceilings(paces: Sequence[Pace]) -> Table:
    columns = ("counterpart", "ceiling", "most calls in any second", "in any ten seconds", "most at a time", "allowed at a time")
    rows = tuple(
        (pace.name, f"{pace.rate:g} a second", str(pace.second), str(pace.ten), str(pace.at_once), str(pace.concurrency))
        for pace in paces
    )
    return Table(title="Ceilings that all workers share, as the counterparts counted", columns=columns, rows=rows)


def _by_what(events: Iterable[Event]) -> Iterator[tuple[str, list[Event]]]:
    found: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        found[event.what].append(event)
    yield from sorted(found.items())


def _row(what: str, events: Sequence[Event]) -> tuple[str, ...]:
    columns = [event.taken_over for event in events], [event.committed for event in events]
    return (what, str(len(events)), *(f"{value:.2f} s" for each in columns for value in (statistics.median(each), max(each))))


def _figures(seen: Seen) -> dict[str, float]:
    longest = {f"longest_s.{what}": round(max(event.taken_over for event in group), 2) for what, group in _by_what(seen.events)}
    sizes = {
        "documents": seen.counted.documents,
        "lost": len(seen.counted.lost),
        "doubled": len(seen.counted.doubled),
        "late": len(seen.late),
        "events": len(seen.events),
        "written_afterwards": seen.afterwards,
        "taken_back": seen.undone,
        "refused": seen.zombie[1],
        "side_by_side": seen.versions["side by side"],
    }
    return {**{name: float(size) for name, size in sizes.items()}, **longest}


PART = Part(name="workers", order=9, title="Many workers on many hosts", minutes=30, run=run)

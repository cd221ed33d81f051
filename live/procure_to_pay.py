"""Procure-to-pay against peers that nobody here wrote, with every ambiguous moment made ambiguous, counted in the peers.

The real runtime runs a small hospital: Tryton as ERP, mock-edi as supplier, mock-bank as bank. Every request that makes or moves
a document (a Tryton create, a button, a posted interchange, a payment file) goes, the first time, through a ``faulty`` proxy that
brings no reply back. Afterwards every order, receipt, bill, payment and remittance advice must be in the peers exactly once.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec import Struct

from live import hospital, setup
from live.count import Found, advised, in_bank, in_supplier, in_tryton
from live.database import Database
from live.hospital import Desks, Dock
from live.peers import faulty, mock_bank, mock_edi, tryton
from live.place import run_folder
from live.processes import heed_signals
from suture.journal import open_journal
from suture.journal.blobs import load_or_create_key
from suture.model import Case, CaseResolved, encode
from suture.runtime.deliver import Delivering
from suture.runtime.policy import Breaker
from suture.runtime.publish import publish
from suture.runtime.service import Service
from suture.runtime.wiring import Wiring
from suture.transports import Arrival
from suture.transports.exchange import Http, Link, Reply, Request
from suture.transports.http import HttpLink

CHAINS = 6
#: A swallowed reply is waited for this long, a real one longer.
PATIENCE_S, TIMEOUT_S = 2.0, 20.0
#: Each of the two halves of the run (up to posted bills, up to settled payments) may take this long.
HALF_S = 420.0
#: Supplier terms of 30 days pass at once: the clock of Suture and of the bank jumps ahead to a Tuesday morning.
_TERMS = timedelta(days=33)
#: What makes a Tryton request ambiguous: it makes a record, presses a button or runs a wizard.
_WRITES = (b".create", b".quote", b".confirm", b".receive", b".do", b"_invoice", b".post", b".write", b".execute")


class Shifted:
    """The machine's clock, which can be put forward."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        """The time, with what was added."""
        return datetime.now(UTC) + self._ahead

    def jump_to(self, moment: datetime) -> None:
        """Go on from there."""
        self._ahead = moment - datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Sleep in real time."""
        await asyncio.sleep(seconds)


class Doubtful:
    """A link on which every request that matters loses its first replies: it goes through the deaf proxy so often."""

    def __init__(self, clean: Link, deaf: Link, times: int = 1) -> None:
        self._clean, self._deaf, self._times = clean, deaf, times
        self._lost: Counter[bytes] = Counter()

    @property
    def swallowed(self) -> int:
        """How many replies were lost."""
        return self._lost.total()

    async def perform(self, request: Request) -> Reply:
        """The reply, or NoReply where this request has not lost enough of them yet."""
        assert isinstance(request, Http)
        mark = self._mark(request)
        if mark and self._lost[mark] < self._times:
            self._lost[mark] += 1
            return await self._deaf.perform(request)
        return await self._clean.perform(request)

    def _mark(self, request: Http) -> bytes:
        if request.method == "GET":
            return b""
        if not request.path.endswith("/rpc/"):
            return request.body
        method, _, rest = request.body.partition(b'"params":')
        return method + rest.partition(b'"company"')[0] if any(word in method for word in _WRITES) else b""

    async def close(self) -> None:
        """Close both ways."""
        await self._clean.close()
        await self._deaf.close()


class Stage(Struct):
    """What one run stands on."""

    folder: Path
    base: Database
    tryton: str
    supplier: str
    bank: str
    links: dict[str, Link]
    opens: datetime


@contextlib.contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """The peers and a deaf proxy before each."""
    opens = _tuesday(datetime.now(UTC) + _TERMS)
    with contextlib.ExitStack() as stack:
        erp, base = stack.enter_context(tryton(folder))
        supplier = stack.enter_context(mock_edi(folder))
        bank = stack.enter_context(mock_bank(folder, f"{opens:%Y-%m-%dT%H:%M}"))
        _in_dollars(bank)
        links: dict[str, Link] = {}
        for name, address in (("tryton", erp), ("supplier-edi", supplier), ("bank", bank)):
            deaf = stack.enter_context(faulty(folder, address, drop_down=1.0))
            links[name] = Doubtful(
                HttpLink(address, timeout_s=TIMEOUT_S),
                HttpLink(deaf.address, timeout_s=PATIENCE_S),
                times=2 if name == "supplier-edi" else 1,
            )
        yield Stage(folder, base, erp, supplier, bank, links, opens)


def _tuesday(moment: datetime) -> datetime:
    day = moment + timedelta(days=(1 - moment.weekday()) % 7)
    return day.replace(hour=9, minute=0, second=0, microsecond=0)


def _in_dollars(bank: str) -> None:
    """The seeded account is kept in euros; the hospital's is in dollars."""
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(f"{bank}/_mock/accounts/ACME", b'{"currency": "USD"}', headers, method="PATCH")
    with urllib.request.urlopen(request, timeout=10):
        pass


class Run:
    """One run: the service, the people, and what is expected in the end."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.clock, self.desks, self.dock = stage, Shifted(), Desks(), Dock(stage.supplier)
        journal = open_journal(stage.folder / "journal.db", load_or_create_key(stage.folder / "blobs.key"))
        net = hospital.network(stage.tryton, stage.supplier, stage.bank)
        self.wiring = Wiring(journal, net, privacy_key=load_or_create_key(stage.folder / "privacy.key"))
        links = {**stage.links, **{name: self.desks.link(name) for name in ("procurement", "inventory", "ap")}}
        delivering = Delivering(self.wiring)
        for gate in delivering.gates.values():
            gate.breaker = Breaker(rest=timedelta(seconds=3))  # the peers are well: only the line is bad
        self.service = Service(self.wiring, self.clock, links, delivering=delivering)
        self.cases: list[Case] = []

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Suture at work."""
        publish(self.wiring, hospital.masters(), self.clock.now())
        await self.service.start()
        try:
            yield
        finally:
            await self.service.stop()
            self.wiring.journal.close()

    async def play(self) -> None:
        """Requisitions to posted bills; then a month passes; then payments to their settlement."""
        async with self.serving():
            for number in range(1, CHAINS + 1):
                raw = encode(hospital.requisition(number))
                answer = await self.service.accept(Arrival(instance="procurement", channel="webhook", raw=raw))
                assert answer.outcome == "accepted", answer
            await self._until("bills posted in Tryton", lambda: _in_state(self.stage, "bills", "posted"))
            self.clock.jump_to(self.stage.opens)
            self.service.wake()
            await self._until("bills paid in Tryton", lambda: _in_state(self.stage, "bills", "paid"))
            await self._until("remittance advices at the supplier", lambda: len(advised(self.stage.supplier)))
            await asyncio.sleep(3)  # whatever is still under way may yet do damage: let it
            self.cases = await self.service.in_thread(self._open_cases)

    async def _until(self, what: str, count: Callable[[], int]) -> None:
        begun, last = time.monotonic(), -1
        while (now := await asyncio.to_thread(count)) < CHAINS:
            if now != last:
                print(f"{time.monotonic() - begun:6.1f} s  {now} of {CHAINS} {what}", flush=True)
                last = now
            if time.monotonic() - begun > HALF_S or self.service.failure:
                print(f"gave up waiting for {what}: {self.service.failure or 'too slow'}")
                return
            self.cases = await self.service.in_thread(self._open_cases)
            if self.cases:
                print(f"gave up waiting for {what}: an exception is open, and nothing in this run should need a person")
                return
            await self.desks.answer(self.service.accept)
            await self.dock.unload(self.service.accept, lambda order: order.startswith("PO-R-"))
            await asyncio.sleep(0.5)
        print(f"{time.monotonic() - begun:6.1f} s  {now} of {CHAINS} {what}", flush=True)

    def _open_cases(self) -> list[Case]:
        cases: dict[str, Case] = {}
        after = 0
        while page := self.wiring.journal.read(after, 1000):
            after = page[-1].position
            for recorded in page:
                match recorded.event.data:
                    case Case() as case:
                        cases[case.id] = case
                    case CaseResolved(case=id):
                        cases.pop(id, None)
        return list(cases.values())


def _in_state(stage: Stage, name: str, state: str) -> int:
    return sum(1 for row in in_tryton(stage.base)[name] if row.state == state)


class Counted(Struct):
    """How often each document of one kind is in one peer, and which should be there, once each."""

    what: str
    peer: str
    found: Counter[str]
    expected: set[str]

    @property
    def right(self) -> bool:
        """Every expected one exactly once, and no other."""
        return set(self.found) == self.expected and all(count == 1 for count in self.found.values())

    def row(self) -> str:
        """A line of the table."""
        twice = sum(1 for times in self.found.values() if times > 1)
        missing, strange = len(self.expected - set(self.found)), len(set(self.found) - self.expected)
        found = f"{sum(self.found.values()):3} found, {missing} missing, {strange} strange, {twice} twice"
        return f"{self.what:30} {self.peer:10} {found}  {'ok' if self.right else 'WRONG'}"


def count(run: Run) -> list[Counted]:
    """Every document of the run, counted where it should have arrived; amounts are our own arithmetic, each chain's differs."""
    erp, supplier, bank = in_tryton(run.stage.base), in_supplier(run.stage.supplier), in_bank(run.stage.bank)
    orders = {f"PO-R-{number}" for number in range(1, CHAINS + 1)}
    amounts = {f"{hospital.total(hospital.requisition(number)):f}" for number in range(1, CHAINS + 1)}
    assert len(amounts) == CHAINS
    receipts = {receipt.id for receipt in run.dock.receipts}

    def amounts_of(rows: Sequence[Found], *states: str) -> Counter[str]:
        return Counter(f"{row.amount:f}" if row.state in states else f"{row.key} {row.state}" for row in rows)

    paid = [move for move in erp["moves"] if move.key.startswith("PAY-")]
    return [
        Counted("orders, by number", "Tryton", Counter(row.key for row in erp["orders"]), orders),
        Counted("orders, by amount", "Tryton", amounts_of(erp["orders"], "processing", "done"), amounts),
        Counted("orders, by number", "mock-edi", Counter(row.key for row in supplier if row.key.startswith("PO-R-")), orders),
        Counted("receipts, by number", "Tryton", Counter(row.key for row in erp["receipts"] if row.state == "done"), receipts),
        Counted("paid bills, by amount", "Tryton", amounts_of(erp["bills"], "paid"), amounts),
        Counted("booked payments, by amount", "mock-bank", amounts_of(bank, "booked"), amounts),
        Counted("payments in the books", "Tryton", amounts_of(paid, "posted"), amounts),
        Counted("payments, by number", "Tryton", Counter(move.key for move in paid), {row.key for row in bank}),
        Counted("remittance advices, by amount", "mock-edi", amounts_of(advised(run.stage.supplier), "advised"), amounts),
    ]


def report(run: Run, counted: list[Counted]) -> bool:
    """Print the table; whether everything is right."""
    for row in counted:
        print(row.row())
    for name, link in run.stage.links.items():
        assert isinstance(link, Doubtful)
        print(f"replies swallowed on the way from {name}: {link.swallowed}")
    for case in run.cases:
        print(f"open exception: {case.id}: {case.text[:160]}")
    return all(row.right for row in counted) and not run.cases


def main(folder: Path | None = None) -> int:
    """Run it; 0 if every document is in the peers exactly once and no exception is open."""
    folder = folder or run_folder()
    with stage(folder) as peers:
        run = Run(peers)
        asyncio.run(run.play())
        right = report(run, count(run))
    print(f"{CHAINS} chains: {'every document exactly once' if right else 'NOT right'}; logs in {folder}")
    return 0 if right else 1


if __name__ == "__main__":
    heed_signals()
    setup.main()
    sys.exit(main())

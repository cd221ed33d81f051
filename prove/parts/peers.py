"""Peers that nobody here wrote, behind a proxy that swallows replies: exactly one document in the peer, counted past us."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from live import setup
from live.count import Found, in_sap, in_tryton
from live.peers import faulty, mock_sap, tryton
from live.place import HOME
from live.processes import DidNotStart
from live.procure_to_pay import Doubtful
from live.tryton_alone import CONTROL, OPTIONS, bill, blindly, order, payment, receipt
from prove.part import Part, Result, Table, Task
from suture.formats import Profile, Stamp
from suture.journal import Delivery, Journal, Unit, open_journal
from suture.model import Crosswalk, Document, Invoice
from suture.runtime.deliver import Attempt, Delivering
from suture.runtime.drive import drive
from suture.runtime.network import Instance, Network
from suture.runtime.publish import publish
from suture.runtime.wiring import Wiring
from suture.systems import Call, Outcome, Steps
from suture.systems.sap_odata import bring_order, find_order
from suture.transports.http import HttpLink

RUNS = 10
#: A swallowed reply is waited for this long: longer than a peer on a busy machine takes to act, which the proxy hides.
PATIENCE_S, TIMEOUT_S = 3.0, 30.0
#: Turns that a run may take; a delivery needs one for each reply that it loses, and a last one.
TURNS = 400
Count = Callable[[], dict[str, list[Found]]]
Lists = dict[str, set[str]]


class Peer(Struct, frozen=True, kw_only=True):
    """A counterpart: how it is set up, started and counted in, and what a run brings to it.

    ``brought`` are (key that orders them, document); ``held`` is what the peer must hold in the end, by list of the count.
    ``control`` sends one order twice without looking.
    """

    name: str
    title: str
    needs: tuple[str, ...]
    start: Callable[[Path], AbstractContextManager[tuple[str, Count]]]
    instance: Callable[[str], Instance]
    codes: tuple[Crosswalk, ...]
    brought: tuple[tuple[str, Document], ...]
    held: Lists
    control: Callable[[str], Coroutine[None, None, None]]


class Seen(Struct, frozen=True, kw_only=True):
    """What one run saw in the peer, and which deliveries did not end as done."""

    swallowed: int
    found: Counter[str]
    open: tuple[str, ...]


# -- a run


def bring(peer: Peer, address: str, deaf: str, folder: Path) -> tuple[int, tuple[str, ...]]:
    """Deliver everything through the runtime's own delivery; replies swallowed, and what did not end as done."""
    journal = open_journal(folder / "journal.db", bytes(32))
    try:
        network = Network(name="peers", instances=(peer.instance(address),))
        wiring = Wiring(journal, network, privacy_key=bytes(32))
        now = datetime.now(UTC)
        publish(wiring, peer.codes, now)
        journal.commit([Unit(deliveries=[_owed(peer, number, now) for number in range(len(peer.brought))])])
        swallowed = asyncio.run(_deliver(Delivering(wiring), peer.name, address, deaf, now))
        return swallowed, tuple(_unfinished(journal, peer))
    finally:
        journal.close()


def _owed(peer: Peer, number: int, now: datetime) -> Delivery:
    key, document = peer.brought[number]
    id = f"proof/{number}"
    return Delivery(
        id=id,
        instance=peer.name,
        role="erp",
        key=key,
        document=document,
        due=now,
        process="",
        process_key="",
        cause=id,
        root=id,
        created=now,
    )


def _unfinished(journal: Journal, peer: Peer) -> Iterator[str]:
    for number, (_, document) in enumerate(peer.brought):
        delivery = journal.delivery(f"proof/{number}")
        if delivery is None or delivery.status != "done":
            yield f"{type(document).__name__} is {delivery.status}: {delivery.note}" if delivery else f"{number} is gone"


async def _deliver(delivering: Delivering, name: str, address: str, deaf: str, now: datetime) -> int:
    """Claim, talk, conclude until nothing is open; time is moved to whatever is due next, so that nobody waits for it."""
    link = Doubtful(HttpLink(address, timeout_s=TIMEOUT_S), HttpLink(deaf, timeout_s=PATIENCE_S))
    try:
        for _ in range(TURNS):
            attempts = delivering.claim(now)
            outcomes = list(zip(attempts, await _talk(attempts, link), strict=True))
            delivering.conclude(outcomes, now)
            if not attempts:
                due = delivering.wiring.journal.next_due()
                if due is None:
                    break
                now = max(due, delivering.gates[name].wakes(now) or due, now)
    finally:
        await link.close()
    return link.swallowed


async def _talk(attempts: Sequence[Attempt], link: Doubtful) -> list[Outcome]:
    return await asyncio.gather(*(drive(attempt.steps, link) for attempt in attempts))


def run(peer: Peer, folder: Path, *, control: bool) -> Seen:
    """A fresh peer, everything brought to it over the bad line, and the count past us."""
    folder.mkdir()
    with peer.start(folder) as (address, count), faulty(folder, address, drop_down=1.0) as deaf:
        swallowed, unfinished = bring(peer, address, deaf.address, folder)
        if control:
            asyncio.run(peer.control(address))
        found = Counter(f"{name} {row.key}" for name, rows in count().items() for row in rows)
    return Seen(swallowed=swallowed, found=found, open=unfinished)


# -- the peers


@contextlib.contextmanager
def _tryton(folder: Path) -> Iterator[tuple[str, Count]]:
    with tryton(folder) as (address, base):
        yield address, lambda: in_tryton(base)


def _tryton_instance(address: str) -> Instance:
    return Instance(name="tryton", system="tryton", address=address, options=OPTIONS, password=f"file:{setup.PASSWORD}")


@contextlib.contextmanager
def _sap(folder: Path) -> Iterator[tuple[str, Count]]:
    with mock_sap(folder) as address:
        yield address, lambda: in_sap(address)


def _sap_instance(address: str) -> Instance:
    options = {"company_code": "1710", "plant": "1710", "purchasing_organization": "1710", "purchasing_group": "001"}
    return Instance(name="mock-sap", system="sap_odata", address=address, options=options)


async def _sap_control(address: str) -> None:
    """The same order posted twice without a look: if SAP did not file two, the run would prove nothing."""
    twice = order(CONTROL, ("TG11", "1", "12.50"))
    call = Call(key="D-0", stamp=Stamp(number=0, at="2026-01-01"), profile=Profile(), options=_sap_instance("").options)

    def steps() -> Steps:
        _, seen = yield from find_order(order("PO-NOWHERE"), call)
        return (yield from bring_order(twice, call, seen))

    link = HttpLink(address, timeout_s=TIMEOUT_S)
    for _ in range(2):
        await drive(steps(), link)
    await link.close()


def _same(system: str, *codes: str) -> tuple[Crosswalk, ...]:
    """Items that are called the same there and here."""
    return tuple(Crosswalk(system=system, kind="item", local=code, golden=code) for code in codes)


_ORDER = order("PO-A", ("GLV-M", "100", "12.50"), ("CATH-6F", "5", "89.00"))
_OTHER = order("PO-B", ("GLV-M", "40", "12.50"))
_RECEIPT = receipt("GR-A", "PO-A", (1, "GLV-M", "100", ""), (2, "CATH-6F", "5", "LOT-A"))
_BILL = bill(Invoice, "INV-A", "PO-A", "GLV-M", "100", "12.50")
_HELD: Lists = {"orders": {"PO-A", "PO-B"}, "receipts": {"GR-A"}, "bills": {"INV-A"}}

PEERS = (
    Peer(
        name="tryton",
        title="Tryton 8.2",
        needs=("tryton",),
        start=_tryton,
        instance=_tryton_instance,
        codes=(
            *_same("tryton", "GLV-M", "CATH-6F"),
            Crosswalk(system="tryton", kind="supplier", local="SUP-EDI", golden="SUP-EDI"),
        ),
        brought=(
            ("A", _ORDER),
            ("B", _OTHER),
            ("A", _RECEIPT),
            ("A", _BILL),
            ("A", payment("PAY-A", ("INV-A", "1250.00"))),
        ),
        held={**_HELD, "moves": {"PAY-A"}},
        control=blindly,
    ),
    Peer(
        name="mock-sap",
        title="mock-sap 0.22",
        needs=("mock-sap",),
        start=_sap,
        instance=_sap_instance,
        codes=(
            Crosswalk(system="mock-sap", kind="item", local="TG11", golden="GLV-M"),
            Crosswalk(system="mock-sap", kind="item", local="TG12", golden="CATH-6F"),
            Crosswalk(system="mock-sap", kind="supplier", local="1000009", golden="SUP-EDI"),
        ),
        brought=(
            ("A", _ORDER),
            ("B", _OTHER),
            ("A", _RECEIPT),
            ("A", _BILL),
            ("B", receipt("GR-B", "PO-B", (1, "GLV-M", "40", ""))),
            ("B", receipt("GR-B-BACK", "PO-B", (1, "GLV-M", "40", ""), reverses="GR-B")),
        ),
        held={**_HELD, "receipts": {"GR-A", "GR-B", "GR-B-BACK"}},
        control=_sap_control,
    ),
)


# -- the proof


def prove(task: Task) -> Result:
    """So many runs against each peer; skipped if none of them can be set up."""
    lines, rows, figures = [], [], dict[str, float]()
    held, missing = True, []
    for peer in PEERS:
        if why := _unready(peer):
            missing.append(f"{peer.title}: {why}")
            continue
        seen = [_told(task, peer, number) for number in range(task.of(RUNS))]
        row, wrong = _judged(peer, seen)
        rows.append((peer.title, *(f"{value:,}" for value in row.values())))
        figures |= {f"{peer.name}.{name}": value for name, value in row.items()}
        held = held and not wrong
        lines += wrong
    if not rows:
        return Result(held=False, skipped="; ".join(missing))
    lines = [
        "The first reply to every request that makes or moves a document is swallowed by the proxy after the peer has acted; "
        "the runtime's own delivery finds out what became of it. Counted in Tryton's database and in mock-sap's own lists.",
        *(["The control, one order sent twice without looking, was filed twice: the peers know no repeat."] if held else []),
        *(f"Could not run: {each}" for each in missing),
        *lines,
    ]
    columns = ("peer", "runs", "documents", "replies swallowed", "held once", "doubled", "lost")
    table = Table(title="Documents in the peers, counted past Suture", columns=columns, rows=tuple(rows))
    return Result(held=held, lines=tuple(lines), tables=(table,), figures=figures)


def _unready(peer: Peer) -> str:
    """Why this peer cannot be set up here, or nothing."""
    try:
        HOME.mkdir(exist_ok=True)
        for name in ("faulty", *peer.needs):
            setup.environment(name)
        if peer.name == "tryton":
            setup.bootstrap()
    except (SystemExit, OSError, RuntimeError, DidNotStart) as failure:
        return str(failure).splitlines()[0][:200]
    return ""


def _told(task: Task, peer: Peer, number: int) -> Seen:
    seen = run(peer, task.folder / f"{peer.name}-{number}", control=number == 0)
    task.tell(f"{peer.title}, run {number + 1}: {seen.swallowed} replies swallowed, {sum(seen.found.values())} documents found")
    return seen


def _judged(peer: Peer, runs: Sequence[Seen]) -> tuple[dict[str, int], list[str]]:
    """The row of the table, and what is wrong."""
    expected = [f"{name} {key}" for name, keys in peer.held.items() for key in sorted(keys)]
    times = [(seen, key, seen.found[key]) for seen in runs for key in expected]
    lost, doubled = [key for _, key, n in times if n == 0], [key for _, key, n in times if n > 1]
    row = {
        "runs": len(runs),
        "documents": len(times),
        "swallowed": sum(seen.swallowed for seen in runs),
        "once": sum(1 for _, _, n in times if n == 1),
        "doubled": len(doubled),
        "lost": len(lost),
    }
    wrong = [f"{peer.title}: {key} is lost" for key in lost] + [f"{peer.title}: {key} is doubled" for key in doubled]
    wrong += [f"{peer.title}: {text}" for seen in runs for text in seen.open]
    if runs[0].found[f"orders {CONTROL}"] != 2:
        wrong.append(f"{peer.title} filed the control {runs[0].found[f'orders {CONTROL}']} times: the count is wrong")
    if any(seen.swallowed < len(peer.brought) for seen in runs):
        wrong.append(f"{peer.title}: not every document lost a reply")
    return row, wrong


PART = Part(name="peers", order=6, title="Real peers behind a line that swallows replies", minutes=12, run=prove)

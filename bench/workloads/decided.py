"""Keyed events decided and committed: receipts against orders, by the processes of the house, beside the limit script."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

from msgspec import structs

from bench.limit import RecordedPostgres, RecordedSqlite, limit
from bench.store import Store, stores
from bench.workload import Figure, Goal, Task, Workload
from suture.journal import Journal, open_journal
from suture.journal.drafts import decode_event
from suture.model import Crosswalk, GoodsReceipt, OrderLine, PurchaseOrder, ReceivedLine, encode
from suture.processes.cast import CAST, MORNING, price, quantity
from suture.runtime.decide import decide
from suture.runtime.intake import accept
from suture.runtime.network import Instance, Network
from suture.runtime.publish import publish
from suture.runtime.wiring import Wiring
from suture.transports import Arrival

ORDERS, RECEIPTS_EACH = 1000, 4
KEY = b"k" * 32
_SYSTEMS = {
    "erp": "erp_rest",
    "ap": "ap_rest",
    "inventory": "inventory_rest",
    "procurement": "procurement_rest",
    "supplier": "supplier_x12",
}
NETWORK = Network(name="bench", instances=tuple(Instance(name=role, system=name, role=role) for role, name in _SYSTEMS.items()))


def run(task: Task) -> Iterator[Figure]:
    """For each database, ours and the limit in turns on copies of the same journal."""
    with stores(task.room("stores")) as places:
        for store in places:
            yield _measured(task, store)


def _measured(task: Task, store: Store) -> Figure:
    start = _prepared(store, task.of(ORDERS, 20))
    ours, theirs, cpu = [], [], []
    for _ in range(task.runs):
        decided, seconds, used, bare = _once(store, start)
        ours.append(decided / seconds)
        theirs.append(decided / bare)
        cpu.append(1000 * used / decided)
        task.tell(f"{store.name}: {decided} decided, {ours[-1]:,.0f}/s; the limit {theirs[-1]:,.0f}/s")
    return Figure(
        workload=f"decided, {store.name}",
        unit="events/s",
        ours=tuple(ours),
        baseline=tuple(theirs),
        baseline_name="limit",
        goal=Goal(bound=0.5, of="ratio"),
        cpu_ms=sorted(cpu)[len(cpu) // 2],
        note="decided: receipts of 1,000 orders and all that follows from them, in batches of 500, one worker; "
        "the limit decodes the same bytes and writes the same rows",
    )


def _prepared(store: Store, orders: int) -> str:
    """A journal that holds master data, decided orders, and receipts that wait to be decided."""
    address = store.empty()
    journal = open_journal(address, KEY)
    codes = [Crosswalk(system="inventory", kind="item", local="GLOVE-M", golden="GLOVE-M")]
    wiring = Wiring(journal, NETWORK, privacy_key=KEY)
    publish(wiring, (*CAST, *codes, *map(order, range(orders))), MORNING)
    receipts = [_receipt(number, part) for part in range(RECEIPTS_EACH) for number in range(orders)]
    for first in range(0, len(receipts), 256):
        accept(wiring, [_arrival(receipt) for receipt in receipts[first : first + 256]], MORNING)
    journal.close()
    return address


def _once(store: Store, start: str) -> tuple[int, float, float, float]:
    """How many were decided, in how many seconds, with how much CPU; and the seconds of the limit."""
    mine, bare = store.copy(start), store.copy(start)
    journal: Journal = (RecordedPostgres if "://" in mine else RecordedSqlite)(mine, KEY)
    wiring = Wiring(journal, NETWORK, privacy_key=KEY)
    journal.notes.commits.clear()  # type: ignore[attr-defined]  # both recorders have it
    partitions, decided = range(journal.partitions), 0
    began, cpu = time.perf_counter(), time.process_time() + store.cpu_s()
    while (step := decide(wiring, partitions, MORNING + timedelta(hours=1))).decided:
        decided += step.decided
    seconds, used = time.perf_counter() - began, time.process_time() + store.cpu_s() - cpu
    commits = journal.notes.commits  # type: ignore[attr-defined]
    decoders = dict(wiring.state_decoders)
    journal.close()
    limited = limit(bare, commits, decode_event, decoders)
    store.drop(mine)
    store.drop(bare)
    return decided, seconds, used, limited


def order(number: int) -> PurchaseOrder:
    """An order of three lines."""
    line = OrderLine(
        number=1, item="GLOVE-M", quantity=quantity("40", "BX"), price=price("12.50"), cost_center="CC-SURG", contract="C-7"
    )
    return PurchaseOrder(
        id=f"PO-{number:06}",
        requisition=f"R-{number:06}",
        entity="E-1",
        facility="F-NORTH",
        ship_to="DOCK-N",
        supplier="S-ACME",
        currency="USD",
        ordered_at=MORNING,
        requester="P-NURSE",
        lines=(line, structs.replace(line, number=2), structs.replace(line, number=3)),
    )


def _receipt(number: int, part: int) -> GoodsReceipt:
    return GoodsReceipt(
        id=f"GR-{number:06}-{part}",
        order=f"PO-{number:06}",
        place="DOCK-N",
        received_at=MORNING,
        lines=tuple(ReceivedLine(line=line, item="GLOVE-M", quantity=quantity("5", "BX")) for line in (1, 2, 3)),
        receiver="P-DOCK",
    )


def _arrival(receipt: GoodsReceipt) -> Arrival:
    return Arrival(instance="inventory", channel="events", raw=encode(receipt))


WORKLOAD = Workload(name="decided", order=1, title="Keyed events, decided and committed", run=run)

"""The texts that ``suture new`` writes."""

from __future__ import annotations

SYSTEM = '''"""TITLE: what it is, and what it speaks."""

from __future__ import annotations

from typing import Any

from suture.model import GoodsReceipt, OrderStatus
from suture.systems.rest import keyed
from suture.systems.system import Call, Channel, System


def order_status(document: OrderStatus, call: Call) -> dict[str, Any]:
    """A change of an order's state, in the words of this system."""
    return {"order": document.order, "state": document.state}


SYSTEM = System(
    name="NAME",
    title="TITLE",
    role="NAME",
    accepts={OrderStatus: keyed(lambda document: "/orders/status", order_status)},
    channels=(Channel(name="events", transport="http", format="json"),),
    emits=(GoodsReceipt,),
)
'''

FORMAT = '''"""TITLE: one order status a line, ``order;state;time``."""

from __future__ import annotations

from datetime import datetime
from typing import get_args

from suture.formats.format import Format, Profile, Reading, Sample, Stamp, Unwritable
from suture.model import Document, Finding, OrderState, OrderStatus


def read(raw: bytes, profile: Profile) -> Reading:
    """Every line is a document; a bad line is a finding and the others go on."""
    documents, findings = [], []
    for number, line in enumerate(raw.decode(profile.charset, "replace").splitlines(), start=1):
        try:
            documents.append(_line(line))
        except ValueError as error:
            findings.append(Finding(code="bad_line", path=f"line {number}", text=str(error)))
    if not documents and not findings:
        findings.append(Finding(code="empty", text="the message has no lines"))
    return Reading(kind="NAME", documents=tuple(documents), findings=tuple(findings))


def _line(line: str) -> OrderStatus:
    order, state, at = line.split(";")
    if not order or state not in get_args(OrderState):
        raise ValueError(f"no such order or state: {order!r}, {state!r}")
    moment = datetime.fromisoformat(at)
    if moment.tzinfo is None:
        raise ValueError(f"the time {at} has no zone")
    return OrderStatus(order=order, state=state, at=moment)  # type: ignore[arg-type]  # checked above


def write(document: Document, profile: Profile, stamp: Stamp) -> bytes:
    """One line; raises Unwritable for what a line cannot hold."""
    if not isinstance(document, OrderStatus) or document.reason or not set(document.order).isdisjoint(";\\r\\n"):
        raise Unwritable("only an order status without a reason fits into a line")
    return f"{document.order};{document.state};{document.at.isoformat()}\\n".encode(profile.charset)


FORMAT = Format(
    name="NAME",
    title="TITLE",
    version=1,
    standard="agreed with the partner",
    media_type="text/plain",
    reads=(OrderStatus,),
    writes=(OrderStatus,),
    read=read,
    write=write,
    samples=(
        Sample(name="one line", raw=b"PO-1;shipped;2026-03-02T08:00:00+00:00\\n"),
        Sample(name="a bad line", raw=b"PO-1;lost\\n", documents=0, findings=("bad_line",)),
    ),
)
'''

PROCESS = '''"""TITLE: what it watches over, and what it does about it."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from suture.journal import Event
from suture.model import Document, StockLow
from suture.processes.process import Effect, Example, Process, Seen, Step
from suture.processes.rehearsal import START
from suture.model import Quantity
from decimal import Decimal


class Watching(Struct, frozen=True):
    """How often it happened."""

    phase: str = "watching"
    times: int = 0


def noticed(state: Watching, event: Event, seen: Seen) -> tuple[Watching, Sequence[Effect]]:
    """Count it."""
    return Watching(times=state.times + 1), ()


def key_of(document: Document) -> tuple[str, ...]:
    """One conversation per item and place."""
    return (str(getattr(document, "id", "")),)


PROCESS = Process(
    name="NAME",
    title="TITLE",
    version=1,
    owner="supply_chain",
    key=key_of,
    state=Watching,
    on={StockLow: noticed},
    needs=lambda state, event: (),
    phases=("watching",),
    example=Example(
        text="A stock runs low; it is noticed.",
        masters=(),
        steps=(
            Step(
                given=StockLow(
                    item="I-1",
                    place="OR-1",
                    balance=Quantity(Decimal(2), "EA"),
                    reorder_point=Quantity(Decimal(4), "EA"),
                    at=START,
                ),
                state="watching",
            ),
        ),
    ),
)
'''

KPI = '''"""TITLE: what is counted, and why it matters."""

from __future__ import annotations

from decimal import Decimal

from suture.journal import Event
from suture.kpis.kpi import Kpi
from suture.model import Case


def step(state: int, event: Event) -> int:
    """One more for every exception."""
    return state + isinstance(event.data, Case)


KPI = Kpi(
    name="NAME",
    title="TITLE",
    unit="count",
    good="down",
    target=Decimal(0),
    definition="exceptions raised",
    owner="operations",
    start=int,
    step=step,
    value=Decimal,
)
'''

NETWORK = """# A hospital's network: who plays which role, and where. `suture check` says what is missing.
name = "NAME"
journal = "suture.db"
masters = "masters"        # a folder of JSON and CSV files with items, suppliers, prices, people and policies
host = "127.0.0.1"
port = 8080

[[instances]]
name = "procurement"
system = "procurement_rest"
role = "procurement"
address = "https://procurement.example"
secret = "env:PROCUREMENT_SECRET"
owner = "sourcing team"

[[instances]]
name = "erp"
system = "erp_rest"
role = "erp"
address = "https://erp.example"
secret = "env:ERP_SECRET"
owner = "finance systems"

[[instances]]
name = "inventory"
system = "inventory_rest"
role = "inventory"
address = "https://inventory.example"
secret = "env:INVENTORY_SECRET"
owner = "materials management"

[[instances]]
name = "ap"
system = "ap_rest"
role = "ap"
address = "https://ap.example"
secret = "env:AP_SECRET"
owner = "accounts payable"

[[instances]]
name = "ehr"
system = "ehr_mllp"
role = "ehr"
listen = { charges = "mllp://127.0.0.1:2575" }
owner = "clinical integration"

[[instances]]
name = "supplier-alder"
system = "supplier_x12"
role = "supplier"
suppliers = ["ALDER"]
address = "file:///srv/exchange/alder/to"
listen = { in = "file:///srv/exchange/alder/from" }
owner = "supplier enablement"
profile = { us = "HOSPITAL", partner = "ALDER" }

[[instances]]
name = "bank"
system = "bank_iso20022"
role = "bank"
address = "file:///srv/exchange/bank/to"
listen = { in = "file:///srv/exchange/bank/from" }
owner = "treasury"
profile = { us = "HOSPITAL", partner = "BANK" }
"""

SCAFFOLDS = {"system": SYSTEM, "format": FORMAT, "process": PROCESS, "kpi": KPI, "network": NETWORK}

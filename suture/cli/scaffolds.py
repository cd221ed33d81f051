"""The texts that ``suture new`` writes: each passes the conformance suite of its kind as it stands."""

from __future__ import annotations

SYSTEM = '''"""TITLE: what it is, and what it speaks."""

from __future__ import annotations

from typing import Any

from suture.model import GoodsReceipt, OrderStatus
from suture.systems.rest import keyed
from suture.systems.system import Call, Channel, System


def order_status(document: OrderStatus, call: Call) -> dict[str, Any]:
    """A change of an order's state, in the words of this system."""
    return {"externalRef": call.id, "state": document.state, "at": document.at.isoformat()}


SYSTEM = System(
    name="NAME",
    title="TITLE",
    role="NAME",
    accepts={OrderStatus: keyed(lambda document: "/order-status", order_status)},
    channels=(Channel(name="events", transport="http", format="json"),),
    emits=(GoodsReceipt,),
    evidence=("twin",),
    notes="It honours Idempotency-Key, so that a doubtful request is sent again under the same key.",
)
'''

FORMAT = '''"""TITLE: one order status a line, ``order;state;time;requisition;reason``, each field percent-encoded."""

from __future__ import annotations

from urllib.parse import quote, unquote

from suture.formats.format import LARGEST_MESSAGE, Format, Profile, Reading, Sample, Stamp, Unwritable
from suture.formats.scalars import instant, written
from suture.formats.shape import shaped
from suture.model import Document, Finding, OrderStatus

MOST_LINES = 100_000


def read(raw: bytes, profile: Profile) -> Reading:
    """Every line is a document; a bad line is a finding, and the others go on."""
    if len(raw) > LARGEST_MESSAGE:
        return Reading(findings=(Finding(code="too_large", text=f"more than {LARGEST_MESSAGE} bytes"),))
    lines = raw.decode("ascii", "replace").splitlines()
    documents, findings = [], []
    for number, line in enumerate(lines[:MOST_LINES], start=1):
        try:
            documents.append(_status(line, profile.timezone))
        except ValueError as error:
            findings.append(Finding(code="bad_line", path=f"line {number}", text=str(error)))
    if not lines or len(lines) > MOST_LINES:
        findings.append(Finding(code="bad_length", text=f"{len(lines)} lines; expected 1 to {MOST_LINES}"))
    return Reading(kind="NAME", documents=tuple(documents), findings=tuple(findings))


def _status(line: str, timezone: str) -> OrderStatus:
    fields = [unquote(field, errors="strict") for field in line.split(";")]
    if len(fields) != 5 or any("\\0" in field for field in fields):
        raise ValueError("expected order;state;time;requisition;reason")
    order, state, at, requisition, reason = fields
    plain = {"order": order, "state": state, "requisition": requisition, "reason": reason}
    return shaped(plain | {"at": instant(at, timezone)}, OrderStatus)


def write(document: Document, profile: Profile, stamp: Stamp) -> bytes:
    """One line; raises Unwritable for what a line cannot hold."""
    if not isinstance(document, OrderStatus):
        raise Unwritable("a line holds an order status")
    fields = (document.order, document.state, written(document.at), document.requisition, document.reason)
    return (";".join(quote(field, safe=" :") for field in fields) + "\\n").encode()


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
        Sample(name="one line", raw=b"PO-1;shipped;2026-03-02T08:00:00Z;REQ-1;\\n"),
        Sample(name="a bad line", raw=b"PO-1;lost;2026-03-02T08:00:00Z;REQ-1;\\n", documents=0, findings=("bad_line",)),
    ),
)
'''

PROCESS = '''"""TITLE: what it watches over, and what it does about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from suture.journal import Event
from suture.model import Quantity, StockLow
from suture.processes.process import Effect, Example, Process, Seen, Step
from suture.processes.rehearsal import START


class Watch(Struct, frozen=True):
    """What is known of one stock."""

    phase: str = "quiet"
    low_since: datetime | None = None


def ran_low(state: Watch, event: Event, seen: Seen) -> tuple[Watch, Sequence[Effect]]:
    """Noted; the same news again, or older news, changes nothing."""
    low = event.data
    assert isinstance(low, StockLow)
    if state.low_since is not None and low.at <= state.low_since:
        return state, ()
    return Watch(phase="noticed", low_since=low.at), ()


_LOW = StockLow(
    item="I-1",
    place="OR-1",
    balance=Quantity(Decimal(2), "EA"),
    reorder_point=Quantity(Decimal(4), "EA"),
    at=START,
)

PROCESS = Process(
    name="NAME",
    title="TITLE",
    version=1,
    owner="supply_chain",
    key=lambda document: (str(getattr(document, "id", "")),),
    state=Watch,
    on={StockLow: ran_low},
    needs=lambda state, event: (),
    phases=("quiet", "noticed"),
    example=Example(
        text="A stock runs low and is noticed, once.",
        masters=(),
        steps=(Step(given=_LOW, state="noticed"), Step(given=_LOW, state="noticed")),
    ),
)
'''

KPI = '''"""TITLE: what is counted, and why it matters."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from suture.journal import Event
from suture.kpis.kpi import Known, Kpi, Measure, share
from suture.model import OrderAcknowledgement


def step(event: Event, known: Known) -> Iterable[Measure]:
    """One answer of a supplier, and whether it accepts the order as it stands."""
    answer = event.data
    if isinstance(answer, OrderAcknowledgement):
        accepted = answer.status == "accepted"
        yield share(answer.id, answer.order, accepted, event.at, known.where(event), stage="ordering", kind=answer.status)


KPI = Kpi(
    name="NAME",
    title="TITLE",
    unit="percent",
    good="up",
    target=Decimal(95),
    definition="answers of suppliers that accept the order as it stands, divided by all their answers",
    owner="sourcing",
    hears=(OrderAcknowledgement,),
    step=step,
    kind="answer",
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

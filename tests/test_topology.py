"""No system knows another: all that they exchange goes through the river, and each can be replaced by itself."""

from __future__ import annotations

import ast
import csv
import importlib.util
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from suture.model import (
    CreditNote,
    Document,
    GoodsReceipt,
    Invoice,
    Item,
    OrderChange,
    PaymentStatus,
    Posting,
    PurchaseOrder,
    Remittance,
    Supplier,
)
from suture.sandbox.group import invent
from suture.sandbox.stage import Stage, network
from suture.systems import Call, Done, Operation, Steps, System
from suture.transports import Drop
from tests.small_network import SYSTEMS, Peers, arrivals, small_network, story

#: Where canonical documents are decided upon: none of it may know a system, and no system any of it.
SERVICES = ("rules", "processes", "kpis", "views")
ROOT = Path(__file__).resolve().parents[1] / "suture"


def imported(path: Path) -> Iterator[str]:
    """The modules that a module imports."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def module_of(name: str) -> str:
    """Where a system is declared."""
    return f"suture.systems.{name}"


def reach(module: str, known: set[str]) -> set[str]:
    """A module of the systems and all others there that it imports, directly or not."""
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    known.add(module)
    for name in imported(Path(spec.origin)):
        if name.startswith("suture.systems.") and name not in known:
            reach(name, known)
    return known


@pytest.mark.parametrize("name", SYSTEMS)
def test_no_system_knows_another(name: str) -> None:
    others = {module_of(other) for other in SYSTEMS if other != name}
    assert reach(module_of(name), set()) & others == set()


def test_the_services_know_no_system_and_no_format() -> None:
    modules = [path for folder in SERVICES for path in (ROOT / folder).rglob("*.py")]
    assert len(modules) > 30
    wrong = {
        path.name: name for path in modules for name in imported(path) if name.startswith(("suture.systems", "suture.formats"))
    }
    assert wrong == {}


def test_the_group_has_no_line_from_system_to_system() -> None:
    stage = Stage(invent(1), 1)
    addresses = {name: f"memory://{name}" for name in stage.twins}
    group = network(addresses, {})
    assert len(group.instances) >= 10
    for instance in group.instances:
        mine = repr((instance.profile, instance.options, instance.listen))
        assert not [name for name, address in addresses.items() if name != instance.name and address in mine]
    heard = {kind for system in SYSTEMS.values() for kind in system.emits}
    told = {kind for system in SYSTEMS.values() for kind in system.accepts}
    assert {PurchaseOrder, GoodsReceipt, Invoice, Posting} <= heard | told


# -- the ERP is replaced


def card(document: Document, call: Call) -> bytes:
    """A document as a record of a host of the eighties: kind, our number, partner, amount; fields of fixed order."""
    out = io.StringIO()
    amount = getattr(document, "total", None)
    total = amount() if callable(amount) else amount or getattr(document, "amount", "")
    csv.writer(out, delimiter=";").writerow(
        [type(document).__name__[:2].upper(), call.id, getattr(document, "supplier", ""), total]
    )
    return out.getvalue().encode("ascii")


def punched(document: Document, call: Call) -> Steps:
    """Left in a folder, under a name that tells the host a repeat."""
    yield Drop(name=f"{call.stamp.number:06d}.crd", body=card(document, call))
    return Done(reference=f"HOST{call.stamp.number}")


HOST = System(
    name="erp_host",
    title="ERP on a host, by files",
    role="erp",
    accepts={
        kind: Operation(send=punched, outcome="key")
        for kind in (PurchaseOrder, OrderChange, GoodsReceipt, Invoice, CreditNote, Posting, Remittance, PaymentStatus)
    },
    emits=(Item, Supplier),
)


def bought(erp: System) -> Peers:
    """One purchase from the requisition to the bank, with this ERP."""
    still, peers = small_network({**SYSTEMS, erp.name: erp}, erp.name)
    for each in arrivals(story(1)):
        still.accept(each)
        still.settle()
    return peers


def test_another_erp_changes_nothing_for_anybody_else() -> None:
    cloud, host = bought(SYSTEMS["erp_rest"]), bought(HOST)
    assert [body.split(b";")[:2] for _, body in host.told("erp")] == [
        [b"PU", b"PO-R-1"],
        [b"GO", b"GR-1"],
        [b"IN", b"ALDER:71"],
        [b"RE", b"PAY-ALDER:71-1"],
    ]
    assert len(cloud.told("erp")) == 4
    for name in cloud.taken.keys() - {"erp"}:
        assert cloud.told(name) == host.told(name), f"{name} notices that the ERP is another"
        assert cloud.told(name)

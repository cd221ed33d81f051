"""What there is and what passes through it; what nobody declares is seen; nothing goes while it is used or somebody objects."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from msgspec import structs

from suture.gateway.access import Caller
from suture.gateway.events.subscribing import Wanted, Word, subscribe
from suture.gateway.governance.inventory import (
    DRIFTS_MOST,
    Drift,
    Interface,
    MayNot,
    installed,
    inventory,
    may_retire,
    risk,
    sign,
    signed,
)
from suture.gateway.operation import operations
from suture.gateway.trail import Called, unit_of
from suture.journal import Event, Journal, MemoryJournal, Unit
from suture.model import Delivered, Document, Finding, MessageReceived, Ref
from suture.runtime.network import Instance, Network, Relay

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
NETWORK = Network(
    name="n",
    instances=(
        Instance(name="erp", system="erp_rest", address="https://erp", owner="finance", retires_on=date(2026, 12, 31)),
        Instance(name="alder", system="supplier_x12", address="file:///x", owner="purchasing", listen={"in": "file:///y"}),
        Instance(name="old", system="ap_rest", address="https://old", owner="ap", mode="retired"),
    ),
    relays=(Relay(name="bus", address="nats://127.0.0.1:4222", owner="integration"),),
)
SYSTEMS, PROCESSES = installed()
APIS = operations()
TAKING = next(name for name, each in APIS.items() if each.takes)


def message(number: int, **more: Any) -> MessageReceived:
    fields = {"id": f"m/{number}", "instance": "alder", "format": "x12", "documents": 1, "outcome": "accepted", "channel": "in"}
    return MessageReceived(**{**fields, **more})


def delivered(number: int, **more: Any) -> Delivered:
    fields: dict[str, Any] = {"delivery": f"d/{number}", "role": "erp", "instance": "erp", "outcome": "done", "at": AT}
    return Delivered(**{**fields, "document": Ref("PurchaseOrder", "PO-1"), **more})


def said(*documents: Document, at: datetime = AT) -> Journal:
    journal = MemoryJournal()
    journal.commit(
        [
            Unit(events=[Event(once=f"e/{number}", kind="accepted", source="s", at=at, data=document)])
            for number, document in enumerate(documents)
        ]
    )
    return journal


def rows(journal: Journal, **more: Any) -> dict[str, Interface]:
    return {row.name: row for row in inventory(journal, NETWORK, SYSTEMS, PROCESSES, APIS, **more)}


def test_every_interface_is_there_with_method_owner_risk_and_date() -> None:
    found = rows(said())
    assert {"erp/out", "erp/events", "alder/in", "alder/out", "relay/bus", f"api/{TAKING}"} <= found.keys()
    erp, alder = found["erp/out"], found["alder/in"]
    assert (erp.method, erp.owner, erp.retires_on, erp.direction) == ("https", "finance", date(2026, 12, 31), "out")
    assert (alder.method, alder.direction, alder.risk) == ("folder, x12", "in", "high")
    assert found[f"api/{TAKING}"].method.startswith("POST /api/")
    assert all(row.owner for row in found.values())
    assert found["old/out"].mode == "retired"


def test_what_passed_is_counted_and_for_whom() -> None:
    journal = said(
        message(1),
        message(2, outcome="refused"),
        message(3, instance="ward-app", channel="api", actor="key/ward", operation=TAKING),
        delivered(1),
        delivered(2, document=Ref("Invoice", "I-1"), outcome="refused"),
    )
    found = rows(journal)
    assert (found["alder/in"].count, found["alder/in"].refused, found["alder/in"].last) == (2, 1, AT)
    assert found[f"api/{TAKING}"].consumers == {"key/ward": 1}
    assert (found["erp/out"].count, found["erp/out"].consumers) == (2, {"PurchaseOrder": 1, "Invoice": 1})
    assert rows(journal, since=AT + timedelta(days=1))["alder/in"].count == 0


def test_look_ups_are_traffic_too_by_whom_and_of_which_version() -> None:
    journal = said(message(1, instance="ward-app", channel="api", actor="key/ward", operation=TAKING))
    calls = [
        *(
            Called(at=AT, actor="key/ward", operation="validate_supplier", version=1, status=200, trace="ab" * 16)
            for _ in range(3)
        ),
        Called(at=AT, actor="key/lake", operation="validate_supplier_v2", version=2, status=404, trace="ab" * 16),
        Called(at=AT, actor="key/ward", operation=TAKING, version=1, status=202, trace="ab" * 16),
        Called(at=AT, actor="key/ward", operation="events", status=200, trace="ab" * 16),
    ]
    journal.commit([unit_of(calls)])
    found = rows(journal)
    old, new = found["api/validate_supplier"], found["api/validate_supplier_v2"]
    assert (old.version, old.count, old.consumers) == ("1", 3, {"key/ward": 3})
    assert (new.version, new.count, new.refused) == ("2", 1, 1)
    assert found[f"api/{TAKING}"].count == 1, "what was accepted is counted once"
    assert not [row for row in found.values() if row.mode == "unregistered" and row.name.startswith("api/")]
    with pytest.raises(MayNot, match="something passed"):
        may_retire(journal, old, AT + timedelta(days=1), timedelta(days=30))


def test_what_a_counterpart_says_otherwise_than_agreed_is_told_with_since_when() -> None:
    new = Finding(code="json.unknown_field", text="no such field; it was left out", path="$.colour", severity="warning")
    later = structs.replace(new, path="$.lines[0].colour")
    journal = said(message(1), message(2, findings=(new, new)), message(3, findings=(later,)))
    found = rows(journal)
    assert found["alder/in"].drift == {"json.unknown_field": Drift(3, AT, AT, "$.lines[0].colour")}
    assert found["erp/events"].drift == {}
    many = tuple(structs.replace(new, code=f"code.{number}") for number in range(200))
    assert len(rows(said(message(1, findings=many)))["alder/in"].drift) == DRIFTS_MOST


def test_traffic_that_nobody_declares_is_seen() -> None:
    found = rows(said(message(1, instance="shadow", channel="ftp"), delivered(1, instance="gone")))
    odd = {name: row for name, row in found.items() if row.mode == "unregistered"}
    assert set(odd) == {"shadow/ftp", "gone/out"}
    assert all((row.owner, row.risk, row.count) == ("", "high", 1) for row in odd.values())


def test_webhooks_are_interfaces_too() -> None:
    journal = said()
    hears = Caller(subject="key/lake", roles=("analyst",))
    wanted = Wanted(name="lake", url="https://lake.example/x", types=("Invoice",), owner="data platform")
    subscribe(journal, wanted, hears, Word(actor="anna", reason="reports", now=AT))
    row = rows(journal)["webhook/lake"]
    assert (row.owner, row.version, row.mode) == ("data platform", "Invoice", "active")


@pytest.mark.parametrize(
    ("level", "of", "method", "proven", "expected"),
    [
        ("critical", "internal", "folder, x12", True, "high"),
        ("critical", "internal", "https", False, "high"),
        ("critical", "internal", "https", True, "medium"),
        ("background", "patient", "https", True, "medium"),
        ("background", "internal", "https", True, "low"),
    ],
)
def test_risk_follows_from_class_level_and_method(level: str, of: str, method: str, proven: bool, expected: str) -> None:
    assert risk(level, of, method, proven=proven) == expected


def test_nothing_goes_while_it_is_used_or_somebody_has_not_signed() -> None:
    journal = said(message(1))
    name, quiet, later = "alder/in", timedelta(days=30), AT + timedelta(days=31)
    with pytest.raises(MayNot, match="something passed"):
        may_retire(journal, rows(journal)[name], AT + timedelta(days=29), quiet)
    with pytest.raises(MayNot, match="alder, purchasing"):
        may_retire(journal, rows(journal)[name], later, quiet)
    sign(journal, name, actor="alder", reason="we send by HTTP now", now=AT)
    with pytest.raises(MayNot, match="not signed by purchasing"):
        may_retire(journal, rows(journal)[name], later, quiet)
    sign(journal, name, actor="purchasing", reason="alder moved", now=AT)
    may_retire(journal, rows(journal)[name], later, quiet)
    assert signed(journal, name) == {"alder", "purchasing"}
    with pytest.raises(ValueError, match="reason"):
        sign(journal, name, actor="x", reason="", now=AT)

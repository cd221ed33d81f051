"""Events are contracts: each is named, owned, classed and shown by an example, and a break of what was promised is refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from suture.extensions import found
from suture.gateway.events.asyncapi import asyncapi, asyncapi_text, changes, unversioned
from suture.gateway.events.contract import CONTRACTS, NAME, EventContract
from suture.gateway.events.samples import SAMPLES, sample
from suture.gateway.governance.event_rules import event_findings
from suture.journal import open_journal
from suture.journal.blobs import load_or_create_key
from suture.model import PurchaseOrder, Usage
from suture.model.schema import Unversioned
from suture.processes.masters import KINDS
from suture.runtime.network import Network, Relay
from suture.systems import System
from suture.views.events import CROSSING, MAJOR, crossing, history, written
from tests.day import Day

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / "docs" / "schema"
#: Where tools/setup.sh lays the specification's own schemas, from its package.
OFFICIAL = ROOT / ".venv/npm/node_modules/@asyncapi/specs/schemas/3.0.0-without-$id.json"
EACH = pytest.mark.parametrize("contract", CONTRACTS.values(), ids=lambda contract: contract.name)
DOCUMENT = asyncapi()


# -- contracts


def test_whatever_crosses_has_a_contract_and_an_example() -> None:
    assert set(CONTRACTS) == set(CROSSING) == set(SAMPLES)
    assert event_findings(PUBLISHED) == ()


@EACH
def test_an_example_is_what_a_listener_would_get(contract: EventContract) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    for kind, type in zip(contract.kinds, contract.types, strict=True):
        event = sample(contract, kind)
        assert event.type == type
        assert NAME.fullmatch(type)
        whole = {"$ref": f"#/components/messages/{type}/payload", **DOCUMENT}
        jsonschema.Draft202012Validator(whole).validate(json.loads(written(event)))


@EACH
def test_a_payload_of_another_shape_is_none_of_it(contract: EventContract) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    event = json.loads(written(sample(contract, contract.kinds[0])))
    whole = {"$ref": f"#/components/messages/{contract.types[0]}/payload", **DOCUMENT}
    check = jsonschema.Draft202012Validator(whole)
    assert not check.is_valid({**event, "type": "suture.something.else.v1"})
    assert not check.is_valid({**event, "data": {"type": contract.name, "id": 7}})
    assert not check.is_valid({name: value for name, value in event.items() if name != "id"})


def test_partners_say_and_people_command_only_what_has_a_contract() -> None:
    systems = found("suture.systems", "SYSTEM", System).values()
    said = {kind for system in systems for kind in system.emits} & CROSSING.keys()
    assert {kind.__name__ for kind in said if "accepted" not in CONTRACTS[kind].kinds} == set()
    assert {kind.__name__ for kind in CROSSING if kind in KINDS and "commanded" not in CONTRACTS[kind].kinds} == set()


def test_a_day_of_events_is_all_under_contract(day: Day) -> None:
    journal = open_journal(str(day.folder / "suture.db"), load_or_create_key(day.folder / "blobs.key"))
    types = {event.type for row in history(journal) if (event := crossing(row, "north"))}
    journal.close()
    promised = {type for contract in CONTRACTS.values() for type in contract.types}
    assert len(types) > 20
    assert types <= promised


# -- the linter


def test_an_event_without_contract_owner_or_example_is_refused() -> None:
    order = CONTRACTS[PurchaseOrder]
    less = {kind: contract for kind, contract in CONTRACTS.items() if kind is not PurchaseOrder}
    assert [finding.code for finding in event_findings(None, less)] == ["no_contract"]
    bare = {**CONTRACTS, PurchaseOrder: msgspec.structs.replace(order, owner="", reads="")}
    assert [finding.code for finding in event_findings(None, bare)] == ["no_owner", "no_reads"]
    patient = EventContract(document=Usage, kinds=("accepted",), owner="ap", reads="x.read", data_class="patient")
    codes = [finding.code for finding in event_findings(None, {**CONTRACTS, Usage: patient})]
    assert codes == ["never_said", "no_example", "patient_data"]


def test_a_name_outside_the_convention_is_refused() -> None:
    odd = msgspec.structs.replace(CONTRACTS[PurchaseOrder], kinds=("changed",))  # type: ignore[arg-type]  # on purpose
    findings = event_findings(None, {**CONTRACTS, PurchaseOrder: odd})
    assert [finding.code for finding in findings] == ["bad_name"]


# -- compatibility


def edited(change: Callable[[dict[str, Any]], object], version: str = "") -> dict[str, Any]:
    """What was promised, had it been otherwise."""
    document = copy.deepcopy(DOCUMENT)
    change(document)
    if version:
        document["info"]["version"] = version
    return document


def shape(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"][name]
    return found


BREAKS: dict[str, Callable[[dict[str, Any]], object]] = {
    "an event type that was there": lambda old: old["channels"].update({"suture.asset.emitted.v1": {}}),
    "a field that was there": lambda old: shape(old, "PurchaseOrder")["properties"].update({"buyer": {"type": "string"}}),
    "a value that was allowed": lambda old: shape(old, "OrderChange")["properties"]["kind"]["enum"].append("hold"),
    "an attribute that was there": lambda old: shape(old, "CloudEvent")["properties"].update({"priority": {"type": "string"}}),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_break_needs_a_new_major_version(name: str) -> None:
    before = edited(BREAKS[name])
    assert [change.kind for change in changes(before, DOCUMENT)] == ["breaking"]
    assert unversioned(before, DOCUMENT)
    assert unversioned(before, edited(lambda new: None, f"{MAJOR}.999.0"))
    assert not unversioned(before, edited(lambda new: None, f"{int(MAJOR) + 1}.0.0"))
    with pytest.raises(Unversioned):
        asyncapi_text(msgspec.json.encode(before))


def test_something_new_needs_a_new_minor_version() -> None:
    before = edited(lambda old: old["channels"].pop("suture.stock_low.emitted.v1"))
    assert [change.kind for change in changes(before, DOCUMENT)] == ["compatible"]
    assert unversioned(before, DOCUMENT)
    assert not unversioned(before, edited(lambda new: None, f"{MAJOR}.999.0"))


def test_check_refuses_what_breaks_a_promise(tmp_path: Path) -> None:
    lock = tmp_path / f"asyncapi-{MAJOR}.json"
    lock.write_bytes(msgspec.json.encode(edited(BREAKS["a field that was there"])))
    (finding,) = event_findings(tmp_path)
    assert (finding.code, finding.path) == (
        "unversioned_change",
        "events/$defs/PurchaseOrder/properties/buyer",
    )
    assert "major" in finding.text
    lock.unlink()
    assert [(each.code, each.severity) for each in event_findings(tmp_path)] == [("unpublished", "warning")]


# -- the document


def test_what_is_published_is_current() -> None:
    """If it is not: `make docs`, after the version in model/schema.py says what the change means."""
    stored = PUBLISHED / f"asyncapi-{MAJOR}.json"
    assert unversioned(json.loads(stored.read_bytes()), DOCUMENT) == ()
    assert asyncapi_text() == stored.read_text("utf-8")


@pytest.mark.parametrize("network", [None, Network(name="north", relays=(Relay(name="bus", address="nats://127.0.0.1:4222"),))])
def test_it_is_asyncapi_as_the_specification_says(network: Network | None) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    if not OFFICIAL.is_file():
        pytest.skip("the specification's own schema is not installed: tools/setup.sh does it where npm is")
    check = jsonschema.Draft7Validator(json.loads(OFFICIAL.read_bytes()))
    document = msgspec.to_builtins(asyncapi(network))
    assert [error.message for error in check.iter_errors(document)] == []
    assert not check.is_valid({**document, "operations": {"send": {"action": "shout"}}}), "a judge that finds everything good"

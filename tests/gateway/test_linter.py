"""One linter: nothing without owner, version, class or criticality; no break of a promise; no pattern that violates its class."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from suture.extensions import found
from suture.formats import Format
from suture.gateway.governance.api_rules import LOCK, api_findings, breaks, promise, promise_text
from suture.gateway.governance.flow_rules import flow_findings, retiring, routing_findings
from suture.gateway.governance.linter import lint, policy_findings
from suture.gateway.governance.registry import INSIDE, everything, owner_of
from suture.gateway.operation import Operation, operations
from suture.model import DOCUMENTS, Document, Finding, PaymentInstruction, Policy, PurchaseOrder
from suture.model.schema import Unversioned
from suture.processes import Process
from suture.runtime.network import Instance, Network
from suture.systems import System

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / "docs" / "schema"
SYSTEMS = found("suture.systems", "SYSTEM", System)
FORMATS = found("suture.formats", "FORMAT", Format)
PROCESSES = found("suture.processes", "PROCESS", Process)
APIS = operations()


def codes(findings: tuple[Finding, ...], severity: str = "error") -> list[str]:
    return [finding.code for finding in findings if finding.severity == severity]


# -- everything is governed


def test_whatever_is_installed_passes() -> None:
    assert codes(lint(APIS.values(), SYSTEMS, FORMATS, PROCESSES, None, PUBLISHED)) == []


def test_the_register_holds_everything_with_all_that_is_asked() -> None:
    things = everything(APIS.values())
    kinds = {kind: sum(thing.kind == kind for thing in things) for kind in {thing.kind for thing in things}}
    assert kinds["document"] == len(DOCUMENTS)
    assert kinds["flow"] == len(PROCESSES)
    assert kinds["mapping"] == len(FORMATS)
    assert kinds["operation"] == len(APIS)
    assert kinds["event"] > len(DOCUMENTS) / 2
    for thing in things:
        assert thing.owner, thing
        assert thing.version, thing
        assert thing.data_class, thing
        assert thing.criticality is not None, thing


def test_every_document_has_one_owner() -> None:
    named = [name for names in INSIDE.values() for name in names]
    assert len(named) == len(set(named))
    assert [kind.__name__ for kind in DOCUMENTS.values() if not owner_of(kind)] == []


def altered(kind: str, key: str, changes: dict[str, Any]) -> tuple[Finding, ...]:
    """The findings, had this thing been otherwise."""
    known: dict[str, dict[str, Any]] = {
        "operations": dict(APIS),
        "systems": dict(SYSTEMS),
        "formats": dict(FORMATS),
        "processes": dict(PROCESSES),
    }
    known[kind][key] = msgspec.structs.replace(known[kind][key], **changes)
    return lint(known["operations"].values(), known["systems"], known["formats"], known["processes"])


ODD: dict[str, tuple[tuple[str, str, dict[str, Any]], str]] = {
    "a flow without owner": (("processes", "payment", {"owner": ""}), "no_owner"),
    "a flow without criticality": (("processes", "payment", {"criticality": "whatever"}), "no_criticality"),
    "a flow with a bad name": (("processes", "payment", {"name": "Payment Flow"}), "bad_name"),
    "an API without owner": (("operations", "create_order", {"owner": ""}), "no_owner"),
    "an API with a bad name": (("operations", "create_order", {"name": "createOrder"}), "bad_name"),
    "an API that ends on no day": (("operations", "create_order", {"state": "deprecated"}), "no_sunset"),
    "a mapping that nobody's documents pass": (("formats", "x12", {"reads": (), "writes": ()}), "no_owner"),
}


@pytest.mark.parametrize("odd", ODD)
def test_what_nobody_answers_for_is_refused(odd: str) -> None:
    (kind, name, changes), code = ODD[odd]
    if name not in {**APIS, **FORMATS, **PROCESSES}:
        pytest.skip(f"there is no {name} any more")
    assert code in codes(altered(kind, name, changes))


def policy(**more: Any) -> Policy:
    fields = {"id": "tolerances", "version": 1, "effective": _moment(), "author": "anna", "approver": "ben", **more}
    return Policy(**fields)


def test_a_policy_needs_another_person_and_a_version() -> None:
    assert policy_findings([policy()]) == ()
    assert codes(policy_findings([policy(approver="Anna ")])) == ["same_person"]
    assert codes(policy_findings([policy(version=0)])) == ["no_version"]
    assert codes(policy_findings([policy(id="My Tolerances")])) == ["bad_name"]


def _moment() -> Any:
    from datetime import UTC, datetime

    return datetime(2026, 1, 1, tzinfo=UTC)


# -- what was promised to callers


def test_what_is_promised_is_what_is_published() -> None:
    """If it is not: `make docs`; what breaks callers is another version of the operation."""
    stored = msgspec.json.decode((PUBLISHED / LOCK).read_bytes())
    assert breaks(stored, promise(APIS.values())) == ()


def changed(name: str, **changes: Any) -> list[Operation]:
    return [msgspec.structs.replace(each, **changes) if each.name == name else each for each in APIS.values()]


SAFE = next(name for name, each in APIS.items() if each.state == "stable" and each.method == "GET")
TAKING = next(name for name, each in APIS.items() if each.state == "stable" and each.takes)


class Less(msgspec.Struct):
    """An answer that says nothing of what it said."""


@pytest.mark.parametrize(
    ("change", "breaks_callers"),
    [
        (lambda: [each for each in APIS.values() if each.name != SAFE], True),
        (lambda: changed(SAFE, path="/elsewhere"), True),
        (lambda: changed(SAFE, permission="secrets.read"), True),
        (lambda: changed(SAFE, gives=Less), True),
        (lambda: changed(TAKING, takes=()), True),
        (lambda: changed(SAFE, title="Another title"), False),
        (lambda: changed(SAFE, latency_ms=1), False),
    ],
    ids=["gone", "moved", "closed", "silent", "takes nothing", "retitled", "faster"],
)
def test_a_break_is_refused_and_a_change_is_not(
    tmp_path: Path, change: Callable[[], list[Operation]], breaks_callers: bool
) -> None:
    (tmp_path / LOCK).write_text(promise_text(APIS.values()))
    findings = api_findings(change(), tmp_path)
    assert ("unversioned_change" in codes(findings)) is breaks_callers
    if breaks_callers:
        with pytest.raises(Unversioned):
            promise_text(change(), (tmp_path / LOCK).read_bytes())


def test_what_was_announced_to_end_may_go(tmp_path: Path) -> None:
    ending = changed(SAFE, state="deprecated", deprecated_on=date(2026, 1, 1), sunset_on=date(2026, 6, 1))
    (tmp_path / LOCK).write_text(promise_text(ending))
    assert "unversioned_change" not in codes(api_findings([each for each in ending if each.name != SAFE], tmp_path))


# -- flows and the networks that run them


def network(**more: Any) -> Network:
    return Network(name="n", instances=(Instance(**{"name": "i", "system": "erp_rest", "address": "https://erp", **more}),))


def flows(system: System | None = None, **more: Any) -> tuple[Finding, ...]:
    known = {**SYSTEMS, **({system.name: system} if system else {})}
    named = {"system": system.name} if system else {}
    return flow_findings(network(**{**named, **more}), known, PROCESSES)


def test_a_sound_pattern_passes() -> None:
    assert flows() == ()


def test_a_critical_flow_is_not_fed_by_a_question_asked_each_hour() -> None:
    bank = SYSTEMS["bank_iso20022_http"]
    slow = msgspec.structs.replace(bank, polls=tuple(msgspec.structs.replace(poll, every_s=3_600) for poll in bank.polls))
    (finding,) = flows(slow)
    assert (finding.code, "PaymentStatus" in finding.text) == ("pattern_too_slow", True)


def test_nor_does_it_wait_longer_than_it_may_be_late() -> None:
    assert codes(flows(timeout_s=120.0)) == ["pattern_too_slow"]


def test_a_ceiling_holds_what_the_flow_is_built_for() -> None:
    assert codes(flows(rate_per_s=0.5)) == ["pattern_too_narrow"]


def test_a_doubt_about_something_critical_is_not_left_to_people() -> None:
    erp = SYSTEMS["erp_rest"]
    taken = {**erp.accepts, PurchaseOrder: msgspec.structs.replace(erp.accepts[PurchaseOrder], outcome="none", probe=None)}
    assert codes(flows(msgspec.structs.replace(erp, accepts=taken))) == ["pattern_by_hand"]


@pytest.mark.parametrize(
    ("address", "open_to_all"), [("http://erp.example", True), ("https://erp.example", False), ("http://127.0.0.1:1", False)]
)
def test_confidential_things_do_not_go_over_an_open_wire(address: str, open_to_all: bool) -> None:
    assert ("pattern_in_the_open" in codes(flows(address=address), "warning")) is open_to_all


def test_who_is_retired_is_not_asked_and_who_should_be_is_told() -> None:
    assert flows(timeout_s=120.0, mode="retired") == ()
    late = retiring(network(retires_on=date(2026, 3, 1)), date(2026, 3, 2))
    soon = retiring(network(retires_on=date(2026, 3, 1)), date(2026, 2, 1))
    assert [finding.code for finding in (*late, *soon)] == ["overdue_retirement", "retires_soon"]
    assert retiring(network(retires_on=date(2027, 3, 1)), date(2026, 2, 1)) == ()


def test_the_examples_say_what_critical_flows_send() -> None:
    """The rule about doubts rests on the examples: they have to name the documents that matter most."""
    said = {effect for each in PROCESSES.values() if each.example for step in each.example.steps for effect in step.effects}
    kinds: tuple[type[Document], ...] = (PurchaseOrder, PaymentInstruction)
    for kind in kinds:
        assert any(effect.endswith(kind.__name__) and effect.startswith("Send") for effect in said)


def test_the_command_refuses_and_so_does_run(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from suture.cli import application

    file = tmp_path / "network.toml"
    file.write_text(
        'name = "n"\nmasters = "masters"\n[[instances]]\nname = "erp"\nsystem = "erp_rest"\naddress = "https://erp.example"\n'
        'owner = "it"\ntimeout_s = 120.0\nretires_on = 2020-01-01\n'
    )
    (tmp_path / "masters").mkdir()
    policy = {
        "type": "Policy",
        "id": "tolerances",
        "version": 1,
        "effective": "2026-01-01T00:00:00Z",
        "author": "anna",
        "approver": "anna",
    }
    (tmp_path / "masters" / "policies.jsonl").write_bytes(msgspec.json.encode(policy))
    checked = CliRunner().invoke(application(["check"]), ["check", str(file)])
    assert checked.exit_code == 1
    for code in ("pattern_too_slow", "same_person", "overdue_retirement"):
        assert code in checked.output
    run = CliRunner().invoke(application(["run"]), ["run", str(file)])
    assert (run.exit_code, "pattern_too_slow" in run.output) == (1, True)


def test_a_rule_of_routing_leads_to_somebody() -> None:
    network = Network(name="n", instances=(Instance(name="erp-lake", system="erp_rest", role="erp"),))
    rules = [
        {"role": "erp", "to": "erp-lake", "reason": "r", "documents": ["Invoice"], "suppliers": ["ALDER"]},
        {"role": "ap", "to": "erp-lake", "reason": "r"},
        {"role": "erp", "to": "erp-nowhere", "reason": "r"},
    ]
    said = policy(id="routing", values={"rules": rules})
    found = routing_findings(network, [said, policy(), policy(id="routing", values={"rules": 7})])
    assert [(finding.code, finding.path) for finding in found] == [
        ("no_route", "policies.routing.1.rules[1]"),
        ("no_route", "policies.routing.1.rules[2]"),
    ]
    assert codes(policy_findings([said])) == []
    assert codes(policy_findings([policy(id="routing", values={"rules": 7})])) == ["bad_values"]

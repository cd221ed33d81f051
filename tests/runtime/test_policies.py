"""Policies at work: retry, routing and retention follow the version in force from its time on, and go back in one step."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from suture.gateway.evidence.gathering import resting_on
from suture.gateway.governance.enacting import approve, propose, roll_back
from suture.journal.shelves import begin_shelves
from suture.model import Case, Decision, Policy, Ref
from suture.processes.masters import PROCESS as MASTERS
from suture.runtime.clock import ManualClock
from suture.runtime.command import command
from suture.runtime.policies import in_force
from suture.runtime.publish import say
from suture.runtime.retention import shelves, shred
from suture.runtime.wiring import Wiring
from suture.sandbox.still import Still
from tests.runtime.house import NOON, Peer, arrival, facts, house, order


def enact(still: Still, name: str, effective: datetime | None = None, **values: Any) -> Policy:
    """One writes it, another approves it, and the house files it."""
    now = still.clock.now()
    made = propose(still.wiring.journal, name, values, author="anna", reason="law", now=now, effective=effective or now)
    enacted = approve(still.wiring, name, made.version, approver="ben", reason="agreed", now=now)
    still.settle()
    return enacted


def governed(peer: Peer | None = None) -> tuple[Still, Peer, Peer]:
    """A small house that keeps master data, too, with two counterparts that play the same role; the first in its file has it."""
    small, peer = house(peer=peer)
    (first,) = small.wiring.network.instances
    there = (first, structs.replace(first, name="other"), structs.replace(first, name="third", mode="shadow"))
    wiring = Wiring(
        small.wiring.journal,
        structs.replace(small.wiring.network, instances=there),
        privacy_key=b"p" * 32,
        formats=small.wiring.formats,
        systems=small.wiring.systems,
        processes={**small.wiring.processes, "masters": MASTERS},
    )
    other = Peer()
    return Still(wiring, ManualClock(NOON), {"peer": peer.handle, "other": other.handle}), peer, other


def attempts(still: Still) -> int:
    (delivery,) = still.wiring.journal.open_deliveries()
    return delivery.attempts


# -- retry


def test_a_kind_is_given_up_when_its_policy_says_so() -> None:
    still, peer, _ = governed(Peer(["silent"] * 100))
    enact(still, "retry", OrderStatus={"attempts": 3})
    still.accept(arrival(order("PO-1")))
    still.until(NOON + timedelta(days=1))
    assert (100 - len(peer.script), [case.reason for case in facts(still, Case)]) == (3, ["unknown_outcome"])


def test_what_waits_follows_a_change_and_its_rollback() -> None:
    still, _, _ = governed(Peer(["503"] * 10_000))
    enact(still, "retry", default={"first_s": "3600", "longest_s": "3600"})
    still.accept(arrival(order("PO-1")))
    still.until(NOON + timedelta(minutes=40))
    assert attempts(still) == 1, "the second is an hour away, give or take a quarter"
    enact(still, "retry", default={"first_s": "60", "longest_s": "60"})
    still.until(NOON + timedelta(hours=3))
    often = attempts(still)
    assert often > 60
    roll_back(still.wiring, "retry", 0, author="anna", approver="ben", reason="too eager", now=still.clock.now())
    still.until(NOON + timedelta(hours=4))
    assert attempts(still) <= often + 3


def test_a_version_of_tomorrow_is_not_in_force_today() -> None:
    still, *_ = governed()
    enact(still, "retry", default={"attempts": 5})
    enact(still, "retry", effective=NOON + timedelta(days=1), default={"attempts": 2})
    versions = [in_force(still.wiring.journal, "retry", NOON + timedelta(hours=hours)) for hours in (-1, 0, 24)]
    assert [policy and policy.version for policy in versions] == [None, 1, 2]


# -- routing


def rule(**more: Any) -> dict[str, Any]:
    return {"role": "peer", "to": "other", "reason": "the first one moves house", **more}


def test_what_a_rule_is_about_goes_where_it_says_and_the_decision_says_so() -> None:
    still, peer, other = governed()
    still.accept(arrival(order("PO-1")))
    still.settle()
    enact(still, "routing", rules=[rule(documents=["OrderStatus"])])
    still.accept(arrival(order("PO-2")))
    still.settle()
    assert (peer.kept, other.kept) == (["PO-1"], ["PO-2"])
    saw = [row.event.seen for row in still.wiring.journal.read(0, 1000) if getattr(row.event.data, "process", "") == "teller"]
    assert [seen for seen in saw if seen] == [("Policy:routing#1",)]
    applied = {each.name: each.version for each in resting_on(still.wiring.journal, "PO-2")}
    assert applied["routing"] == 1
    assert "routing" not in {each.name for each in resting_on(still.wiring.journal, "PO-1")}


def test_one_step_back_and_the_network_file_decides_again() -> None:
    still, peer, other = governed()
    enact(still, "routing", rules=[rule(documents=["StockLow"])])
    enact(still, "routing", rules=[rule()])
    roll_back(still.wiring, "routing", 0, author="anna", approver="ben", reason="it is back", now=NOON)
    still.accept(arrival(order("PO-1")))
    still.settle()
    assert (peer.kept, other.kept) == (["PO-1"], [])


@pytest.mark.parametrize("name", ["third", "nobody"])
def test_a_rule_that_leads_to_nobody_parks_and_what_it_parked_goes_once_it_is_mended(name: str) -> None:
    still, peer, _ = governed()
    enact(still, "routing", rules=[rule(to=name)])
    still.accept(arrival(order("PO-1")))
    still.settle()
    (case,) = facts(still, Case)
    assert (case.reason, f"names {name}" in case.text, peer.kept) == ("no_route", True, [])
    enact(still, "routing", rules=[])
    word = Decision(id="again", subject=Ref("Case", case.id), verb="retry", actor="ops", at=NOON, reason="mended", position=10**6)
    command(still.wiring, word, NOON)
    still.settle()
    assert peer.kept == ["PO-1"]


def test_rules_that_cannot_be_read_park_what_is_sent_and_nothing_else() -> None:
    still, peer, _ = governed()
    say(still.wiring, [Policy(id="routing", version=1, effective=NOON, author="a", approver="b", values={"rules": 7})], NOON)
    still.settle()
    still.accept(arrival(order("PO-1")), arrival(order("PO-2", "closed")))
    still.settle()
    assert [(case.reason, "rules cannot be read" in case.text) for case in facts(still, Case)] == [("handler_failed", True)]
    assert peer.kept == []


# -- retention


def test_a_shelf_ends_when_the_policy_says_and_who_destroys_it_names_the_version(tmp_path: Path) -> None:
    still, *_ = governed()
    keys, journal = begin_shelves(tmp_path), still.wiring.journal
    keys.make("patient-2025-11")
    by = {"actor": "omar", "reason": "its time is over"}
    with pytest.raises(ValueError, match="needed until"):
        shred(journal, keys, "patient-2025-11", now=NOON, **by)
    enact(still, "retention", patient="60")
    (shelf,) = shelves(journal, keys, NOON)
    assert shelf.ends == datetime(2025, 12, 1, tzinfo=UTC) + timedelta(days=60)
    shred(journal, keys, "patient-2025-11", now=NOON, **by)
    assert [word.values["policy"] for word in facts(still, Decision) if word.verb == "shred"] == ["retention 1"]


# -- the policy that applied


def test_for_each_message_the_versions_are_told_that_governed_it_then() -> None:
    still, *_ = governed()
    enact(still, "retry", default={"attempts": 5})
    enact(still, "service_levels", OrderStatus={"minutes": 5})
    enact(still, "retention", internal="3000")
    still.accept(arrival(order("PO-1")))
    still.settle()
    enact(still, "retry", default={"attempts": 6})
    still.accept(arrival(order("PO-2")))
    still.settle()
    applied = [{each.name: each.version for each in resting_on(still.wiring.journal, id)} for id in ("PO-1", "PO-2")]
    assert applied == [{"retry": version, "service_levels": 1, "retention": 1} for version in (1, 2)]


# -- what is refused before anybody approves it


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("retry", {"default": {"attempts": 0}}),
        ("routing", {"rules": [{"to": "other"}]}),
        ("retention", {"patients": "90"}),
        ("service_levels", {"Invoice": {"minuets": 5}}),
    ],
)
def test_values_that_nobody_could_follow_are_not_proposed(name: str, values: dict[str, Any]) -> None:
    still, *_ = governed()
    with pytest.raises(ValueError, match=r"policy|no class"):
        enact(still, name, **values)

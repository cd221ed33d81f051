"""What a counterpart knows of our suppliers is compared field by field, daily, and told without a single value."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from suture.journal import MemoryJournal
from suture.kpis.figures import EVERYTHING, parts
from suture.kpis.measures import Measures
from suture.kpis.supplier_agreement import KPI
from suture.model import BankAccount, Supplier, SuppliersCompared
from suture.runtime.clock import ManualClock
from suture.runtime.publish import publish
from suture.runtime.reconcile import reconcile
from suture.runtime.service import Service
from suture.runtime.wiring import Wiring
from suture.sandbox.group import MORNING, invent
from suture.sandbox.stage import Stage, network
from suture.transports import Http, HttpReply
from suture.views.events import history
from tests.runtime.counterparts import Counterparts, Straight, at_once
from tests.small_network import MASTERS

SECRET = "5550009998"
FIELDS = {"account", "currency", "name", "status", "tax_id", "terms"}


def supplier(id: str, **more: Any) -> Supplier:
    given = {
        "name": f"{id.title()} Medical Inc",
        "account": BankAccount(f"{id} Inc", "4440001112", "021000021"),
        "tax_id": "12-3",
    }
    return Supplier(id=id, **{**given, **more})


def row(id: str, **more: Any) -> dict[str, Any]:
    """The same supplier as the ERP lists it: written otherwise, saying the same."""
    bank = {"routing": "0210-00021", "account": "444 000 1112"}
    name = f"{id.upper()}  Medical inc"
    base = {"vendor": id, "name": name, "blocked": False, "currency": "USD", "paymentTermsDays": 30, "taxNumber": "123"}
    return {**base, "bank": bank, **more}


OURS = tuple(supplier(id) for id in ("BIRCH", "CEDAR", "ELMWD"))


def compared(rows: list[dict[str, Any]] | None, *, dry: bool = False, answer: Any = None) -> list[SuppliersCompared]:
    """What one run for the ERP says, beside the other lists."""
    house = Counterparts(masters=(*MASTERS, *OURS))
    house.erp.master = rows
    house.reconcile("erp", dry=dry, answer=answer)
    return [each.event.data for each in history(house.journal) if isinstance(each.event.data, SuppliersCompared)]


def fields(fact: SuppliersCompared) -> dict[str, tuple[int, tuple[str, ...]]]:
    return {each.field: (each.compared, each.differing) for each in fact.fields}


def test_what_is_written_otherwise_and_says_the_same_agrees() -> None:
    [fact] = compared([row(each.id) for each in OURS])
    assert fields(fact) == dict.fromkeys(FIELDS, (3, ()))


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("name", {"name": "Another Company"}),
        ("status", {"blocked": True}),
        ("currency", {"currency": "EUR"}),
        ("terms", {"paymentTermsDays": 45}),
        ("tax_id", {"taxNumber": ""}),
        ("account", {"bank": {"routing": "021000021", "account": SECRET}}),
        ("account", {"bank": None}),
    ],
)
def test_each_field_that_differs_is_told_with_its_supplier(field: str, change: dict[str, Any]) -> None:
    [fact] = compared([row("BIRCH"), row("CEDAR", **change), row("ELMWD")])
    assert fields(fact) == {**dict.fromkeys(FIELDS, (3, ())), field: (3, ("CEDAR",))}
    assert SECRET not in repr(fact)


def test_who_is_missing_is_named_and_strangers_are_counted() -> None:
    [fact] = compared([row("BIRCH"), row("NOBODY")])
    assert {"CEDAR", "ELMWD"} <= set(fact.missing)
    assert "BIRCH" not in fact.missing
    assert fact.strangers == 1
    assert fields(fact)["name"][0] == 1


def test_a_roster_that_is_not_told_to_its_end_says_nothing() -> None:
    assert compared(None) == []
    assert compared([row("BIRCH", paymentTermsDays="soon")]) == []

    def endless(request: Http) -> HttpReply | None:
        again = b'{"items": [], "next": "1"}'
        return HttpReply(status=200, body=again, headers={}) if request.path.startswith("/api/vendors") else None

    assert compared([row("BIRCH")], answer=endless) == []


def test_a_dry_run_writes_nothing() -> None:
    assert compared([row("BIRCH")], dry=True) == []


def test_a_running_service_compares_once_a_day_however_often_it_begins_anew() -> None:
    group, clock = invent(1), ManualClock(MORNING)
    stage, journal = Stage(group, 1), MemoryJournal(bytes(32))
    wiring = Wiring(journal, network({}, {}), privacy_key=bytes(32))
    publish(wiring, (*group.crosswalk, *group.masters), MORNING)

    async def lived(hours: int) -> list[int]:
        """Facts after each hour of a service that is started now."""
        service = Service(wiring, clock, {"erp-north": Straight(stage.erps["erp-north"])})
        await service.start()
        facts = []
        for _ in range(hours):
            await _a_while()
            clock.move_to(clock.now() + timedelta(hours=1))
            await _a_while()
            facts.append(sum(isinstance(each.event.data, SuppliersCompared) for each in history(journal)))
        await service.stop()
        return facts

    assert asyncio.run(lived(3)) == [1, 1, 1]
    assert asyncio.run(lived(2)) == [1, 1], "it began anew on the same day"
    clock.move_to(MORNING + timedelta(days=1))
    assert asyncio.run(lived(2)) == [2, 2]


async def _a_while() -> None:
    for _ in range(50):
        await asyncio.sleep(0.002)


def test_the_figure_by_system_and_field_is_a_recount_of_the_twins() -> None:
    """Two ERPs under their own vendor numbers, and the AP platform under ours; the twins' masters are read with other eyes."""
    group = invent(1)
    stage, wiring = Stage(group, 1), Wiring(MemoryJournal(bytes(32)), network({}, {}), privacy_key=bytes(32))
    publish(wiring, (*group.crosswalk, *group.masters), MORNING)
    measures, golden = Measures([KPI]), {each.id: each for each in group.masters if isinstance(each, Supplier)}
    expected: dict[str, tuple[int, int]] = {}
    for name, erp in stage.erps.items():
        instance = wiring.instances[name]
        rows = {wiring.book.inbound(name, "supplier", each["vendor"]): each for each in erp.master or ()}
        for field, same in EYES.items():
            agree = [same(golden[id], rows[id]) for id in rows if id]
            expected[f"{name}: {field}"] = (len(agree), sum(agree))
        expected[f"{name}: listed"] = (len(golden), len(rows))
        for each in at_once(_facts(wiring, instance, erp)):
            measures.enter(each)
    assert stage.ap.master is not None
    stage.ap.master[2]["name"] = "Somebody else"
    for each in at_once(_facts(wiring, wiring.instances["ap"], stage.ap)):
        measures.enter(each)
    expected |= {f"ap: {field}": (6, 5 if field == "name" else 6) for field in ("account", "listed", "name", "status", "tax_id")}
    told = parts(measures, KPI, "kind", EVERYTHING, MORNING)
    assert {kind: (int(one.weight), int(one.sum)) for kind, [one] in told.items()} == expected
    assert expected["erp-lake: account"] == (6, 5)
    differing = measures.about(KPI.name, EVERYTHING, which="spoils", limit=100)
    named = {(each.about, each.kind) for each in differing if each.supplier}
    assert len(named) == 3
    assert {kind for _, kind in named} == {"erp-lake: account", "erp-lake: terms", "ap: name"}


EYES: dict[str, Any] = {
    "name": lambda ours, row: ours.name == row["name"],
    "status": lambda ours, row: (ours.status == "blocked") == row["blocked"],
    "currency": lambda ours, row: ours.currency == row["currency"],
    "terms": lambda ours, row: ours.terms_days == row["paymentTermsDays"],
    "tax_id": lambda ours, row: ours.tax_id == row["taxNumber"],
    "account": lambda ours, row: (ours.account.number, ours.account.routing) == (row["bank"]["account"], row["bank"]["routing"]),
}


async def _facts(wiring: Wiring, instance: Any, twin: Any) -> list[Any]:
    """What a run writes into a journal of its own."""
    before = wiring.journal.counts()["events"]
    await reconcile(wiring, instance, Straight(twin), lambda: MORNING)
    return [each for each in wiring.journal.read(0, 100_000)[before:] if isinstance(each.event.data, SuppliersCompared)]

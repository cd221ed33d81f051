"""Each KPI, equal to a recount of the raw facts of a day in which people decided, partners failed, and messages came twice."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from msgspec import Struct
from msgspec.structs import replace

from suture.extensions import found
from suture.journal import Event, Journal, Recorded, Unit, open_journal
from suture.journal.blobs import load_or_create_key
from suture.kpis import Kpi
from suture.kpis.figures import EVERYTHING, days, figure_of, figures, parts
from suture.kpis.measures import PARTS
from suture.model import (
    BankAccount,
    Case,
    CountedLine,
    Decision,
    Delivered,
    FieldCompared,
    Price,
    Quantity,
    Reconciled,
    Ref,
    StockCount,
    Supplier,
    SuppliersCompared,
)
from suture.runtime.command import command
from suture.runtime.network import Network
from suture.runtime.wiring import Wiring
from suture.views.events import history
from suture.views.exceptions import exceptions
from suture.views.figures import Figures, kept_figures
from tests.day import Day
from tests.kpis.recounts import RECOUNTS

KPIS = found("suture.kpis", "KPI", Kpi)
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
SHOWN = {"hours": Decimal("0.01"), "money": Decimal("0.01"), "percent": Decimal("0.1"), "per_thousand": Decimal("0.1")}


class Lived(Struct):
    """A day's journal, its facts, what came again, and the figures that are kept beside it."""

    journal: Journal
    rows: list[Recorded]
    again: Mapping[str, int]
    figures: Figures


@pytest.fixture(scope="module")
def lived(day: Day, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    folder = Path(shutil.copytree(day.folder, tmp_path_factory.mktemp("kpis") / "day"))
    journal = open_journal(str(folder / "suture.db"), load_or_create_key(folder / "blobs.key"))
    with kept_figures(journal, folder / "suture.figures"):
        pass  # so that what follows is caught up, not read from the beginning
    decide(journal)
    happen(journal)
    with kept_figures(journal, folder / "suture.figures") as kept:
        yield Lived(journal, list(history(journal)), journal.repeats(), kept)
    journal.close()


def decide(journal: Journal) -> None:
    """Somebody decides about every exception that allows it."""
    wiring = Wiring(journal, Network(name="none"), privacy_key=bytes(32))
    for number, row in enumerate(exceptions(history(journal))):
        if row.case.actions:
            position = journal.find(Ref("Case", row.case.id))[-1].position
            verb = row.case.actions[-1]
            subject = Ref("Case", row.case.id)
            decision = Decision(
                id=f"{number:032}", subject=subject, verb=verb, actor="Nia Osei", at=NOW, reason="agreed", position=position
            )
            command(wiring, decision, NOW)


def happen(journal: Journal) -> None:
    """What a short day does not bring: a comparison, a new supplier, an empty shelf, a delivery that fails and recovers."""
    later = NOW + timedelta(hours=30)
    bottle, asked = (Ref("Item", "SYRNG-01"),), Ref("PurchaseOrder", "PO-1")
    new = Supplier(id="NEW", name="New Supplies", status="pending", category="implants")
    parked = Delivered(delivery="D-1", instance="erp-north", role="erp", document=asked, outcome="parked", at=NOW)
    facts = (
        Reconciled(instance="inventory-main", at=NOW, compared={"movements": 40, "receipts": 20}, differences={"differs": 3}),
        new,
        replace(new, status="active"),
        Case(id="shelf/1", reason="negative_stock", text="-3", objects=bottle, owner="supply_chain", at=NOW),
        replace(new, id="NEW-2", name="NEW  supplies Inc", status="active"),
        replace(new, id="NEW-3", name="Other Name", tax_id="12-345", status="active"),
        replace(new, id="NEW-4", name="Third Name Ltd", tax_id="12 345", status="active"),
        replace(new, id="NEW-4", name="Third Name Ltd", tax_id="12 345", status="retired"),
        replace(new, id="NEW-5", name="Fifth Name", account=BankAccount("Fifth Name", "77 0001", "INV-1"), status="active"),
        replace(new, id="NEW-6", name="Sixth Name", account=BankAccount("Sixth & Sons", "770001", "INV-1"), status="active"),
        SuppliersCompared(instance="erp-lake", at=NOW, suppliers=6, fields=FIELDS, missing=("ALDER",)),
        counted("C-1", "5", "5"),
        counted("C-2", "4", "6"),
        counted("C-2", "9", "9"),
        parked,
        replace(parked, outcome="done", at=later),
    )
    for number, fact in enumerate(facts):
        at = later if fact is facts[2] else NOW
        journal.commit([Unit(events=[Event(once=f"happen/{number}", kind="emitted", source="test", at=at, data=fact)])])


FIELDS = (
    FieldCompared(field="name", compared=5),
    FieldCompared(field="terms", compared=5, differing=("BIRCH", "CEDAR"), differences=2),
)


def counted(id: str, found: str, book: str) -> StockCount:
    """A count sheet of one position at 2.50 apiece."""
    cost = Price(Decimal("2.50"), "USD", Quantity(Decimal(1), "EA"))
    line = CountedLine(item="SYRNG-01", counted=Quantity(Decimal(found), "EA"), book=Quantity(Decimal(book), "EA"), cost=cost)
    return StockCount(id=id, place="NSH-OR", counted_at=NOW, lines=(line,))


def test_every_kpi_is_recounted() -> None:
    assert set(RECOUNTS) == set(KPIS)


@pytest.mark.parametrize("name", RECOUNTS)
def test_a_figure_equals_the_recount_of_the_raw_facts(name: str, lived: Lived) -> None:
    kpi, counted = KPIS[name], RECOUNTS[name]([row.event for row in lived.rows], NOW, lived.again)
    told = {figure.currency: figure.value for figure in figures(lived.figures.measures, [kpi], EVERYTHING, NOW)[name]}
    assert told == {currency: value.quantize(SHOWN[kpi.unit], ROUND_HALF_UP) for currency, value in counted.items()}


def test_most_kpis_have_something_to_tell_of_the_day(lived: Lived) -> None:
    told = figures(lived.figures.measures, KPIS.values(), EVERYTHING, NOW)
    assert sum(bool(found_figures) for found_figures in told.values()) >= len(KPIS) - 2


@pytest.mark.parametrize("name", KPIS)
def test_what_is_kept_and_caught_up_is_what_is_made_anew(name: str, lived: Lived) -> None:
    kept = figures(lived.figures.measures, [KPIS[name]], EVERYTHING, NOW)[name]
    assert kept == figure_of(KPIS[name], lived.rows, NOW, lived.again)


@pytest.mark.parametrize("name", KPIS)
def test_a_days_parts_and_days_add_up(name: str, lived: Lived) -> None:
    kpi, measures = KPIS[name], lived.figures.measures
    whole = figures(measures, [kpi], EVERYTHING, NOW)[name]
    for by in PARTS:
        split = [figure for each in parts(measures, kpi, by, EVERYTHING, NOW).values() for figure in each]
        assert sum(figure.number for figure in split) == sum(figure.number for figure in whole)
        assert sum(figure.sum for figure in split) == sum(figure.sum for figure in whole)
    if not kpi.standing:
        assert sum(each.number for each in days(measures, kpi, EVERYTHING)) == sum(figure.number for figure in whole)


def test_by_what_suppliers_are_known_to_be_one_is_shown_to_nobody(lived: Lived) -> None:
    shown = [lived.figures.measures.about("supplier_duplicates", EVERYTHING, which=which, limit=1000) for which in WHICH]
    assert {each.kind for rows in shown for each in rows} == {"supplier", "retired", "open", "merged"}
    assert not any(each.subject.startswith("mark") for rows in shown for each in rows)


def test_what_is_kept_of_suppliers_is_told_by_no_file(lived: Lived) -> None:
    """A tax number or an account is soon guessed from a plain digest: there are too few of them."""
    [(said,)] = lived.figures.measures.rows("select group_concat(subject || about) from measures where subject like 'mark %'")
    guesses = ("12345", "inv1/770001", "tax 12345", "account inv1/770001")
    assert said.count("mark tax") >= 1
    assert not any(sign in said for text in guesses for sign in (text, hashlib.sha256(text.encode()).hexdigest()[:24]))
    assert f"mark tax {lived.journal.keyed('tax 12345')}" in said


WHICH = ("spoils", "begun", "all")

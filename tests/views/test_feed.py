"""The analytics feed: exact, incremental, whole after a crash, without what must not leave; its totals are the ledger's."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from suture.journal import Event, Journal, MemoryJournal, Unit, open_journal
from suture.journal.blobs import load_or_create_key
from suture.model import (
    Delivered,
    Document,
    GoodsReceipt,
    Money,
    PaymentInstruction,
    PurchaseOrder,
    Quantity,
    ReceivedLine,
    StockMovement,
    Supplier,
)
from suture.views import feed as feeds
from suture.views import history, ledger
from suture.views.events import CROSSING
from suture.views.feed import LINEAGE, Feed, NotThisFeed, differences, extend, feed_of, write_lines
from tests.day import Day
from tests.strategies import documents

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def receipt(number: int) -> GoodsReceipt:
    line = ReceivedLine(line=1, item="I-1", quantity=Quantity(Decimal("2.5"), "BX"), expires=date(2028, 1, 31))
    return GoodsReceipt(id=f"GR-{number}", order="PO-1", place="DOCK", received_at=AT, lines=(line,))


def say(journal: Journal, *said: Document, kind: Any = "accepted") -> int:
    """The position of the last of them."""
    count = len(journal.read(0, 100_000))
    events = [
        Event(once=f"e/{count + n}", kind=kind, source="wms", at=AT, data=each, blob="ab" * 32, mapping="json@1", root=f"r/{n}")
        for n, each in enumerate(said)
    ]
    return journal.commit([Unit(events=[each]) for each in events])[-1].positions[0]


def jsonl(folder: Path, kind: type[Document]) -> list[dict[str, Any]]:
    files = sorted(folder.glob(f"{kind.__name__}/[0-9]*.jsonl"))
    return [json.loads(line) for path in files for line in path.read_text("utf-8").splitlines()]


def run(journal: Journal, folder: Path, upto: int) -> Feed:
    return extend(journal, folder, feed_of(folder, "north", "jsonl"), upto, AT, write_lines)


def test_a_row_says_where_it_comes_from_and_everything_of_the_document(tmp_path: Path) -> None:
    journal = MemoryJournal()
    made = run(journal, tmp_path, say(journal, receipt(1)))
    (row,) = jsonl(tmp_path, GoodsReceipt)
    assert set(LINEAGE) | set(GoodsReceipt.__struct_fields__) == set(row)
    assert (row["_source"], row["_mapping"], row["_raw_sha256"]) == ("wms", "json@1", "ab" * 32)
    assert row["lines"][0]["quantity"] == {"value": "2.5", "unit": "BX"}
    assert (row["receiver"], row["lines"][0]["serials"]) == ("", []), "what was left to its default is there, too"
    dataset = made.datasets["GoodsReceipt"]
    assert (dataset.rows, dataset.kinds, dataset.sources, dataset.mappings) == (1, {"accepted": 1}, {"wms": 1}, {"json@1": 1})
    assert (tmp_path / "schema-1.json").is_file()


def test_what_is_new_is_added_and_nothing_is_written_twice(tmp_path: Path) -> None:
    journal = MemoryJournal()
    run(journal, tmp_path, say(journal, receipt(1), receipt(2)))
    run(journal, tmp_path, say(journal, receipt(3)))
    again = run(journal, tmp_path, journal.read(0, 10)[-1].position)
    assert [row["id"] for row in jsonl(tmp_path, GoodsReceipt)] == ["GR-1", "GR-2", "GR-3"]
    assert (again.datasets["GoodsReceipt"].rows, again.datasets["GoodsReceipt"].files) == (3, 2)


@pytest.mark.parametrize("death", range(1, 7))
def test_whatever_a_crash_leaves_is_put_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, death: int) -> None:
    """Death at each of the renames of one run, and before the first."""
    journal = MemoryJournal()
    run(journal, tmp_path, say(journal, receipt(1)))
    upto = say(journal, receipt(2), Supplier(id="S-1", name="S", created_by="a"), receipt(3))
    replace, left = os.replace, death

    def dying(source: Path, target: Path) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(feeds, "FILE_ROWS", 1)
    monkeypatch.setattr(feeds.os, "replace", dying)
    if death <= 5:
        with pytest.raises(KeyboardInterrupt):
            run(journal, tmp_path, upto)
    monkeypatch.setattr(feeds.os, "replace", replace)
    made = run(journal, tmp_path, upto)
    assert [row["id"] for row in jsonl(tmp_path, GoodsReceipt)] == ["GR-1", "GR-2", "GR-3"]
    assert len(jsonl(tmp_path, Supplier)) == 1
    assert made.datasets["GoodsReceipt"].rows == 3
    assert not list(tmp_path.glob("*/.*"))


def test_what_must_not_leave_is_counted_and_not_written(tmp_path: Path) -> None:
    journal = MemoryJournal()
    secret = Supplier(id="S-1", name="S", created_by="a", tax_id="77-CANARY")
    used = StockMovement(
        id="MV", item="I-1", place="P", quantity=Quantity(Decimal(1), "EA"), reason="usage", at=AT, cause="USE-CANARY"
    )
    made = run(journal, tmp_path, say(journal, secret, used))
    assert made.datasets["StockMovement"].withheld == {"accepted": 1}
    assert made.datasets["StockMovement"].rows == 0
    assert "CANARY" not in "".join(path.read_text("utf-8") for path in tmp_path.rglob("*") if path.is_file())
    assert differences(made, {"Supplier": 1, "StockMovement": 1}) == []
    assert differences(made, {"Supplier": 2}) == [
        "StockMovement: 1 in the feed, 0 in the ledger",
        "Supplier: 1 in the feed, 2 in the ledger",
    ]


def test_a_folder_of_another_feed_is_refused(tmp_path: Path) -> None:
    journal = MemoryJournal()
    run(journal, tmp_path, say(journal, receipt(1)))
    for network, form in (("south", "jsonl"), ("north", "parquet")):
        with pytest.raises(NotThisFeed, match="north as jsonl"):
            feed_of(tmp_path, network, form)
    (tmp_path / "feed.json").write_text("{")
    with pytest.raises(NotThisFeed, match="cannot be read"):
        feed_of(tmp_path, "north", "jsonl")


def test_freshness_is_told(tmp_path: Path) -> None:
    journal = MemoryJournal()
    made = run(journal, tmp_path, say(journal, receipt(1)))
    assert made.fresh(AT + timedelta(seconds=made.fresh_within_s))
    assert not made.fresh(AT + timedelta(seconds=made.fresh_within_s + 1))
    assert made.latest == AT


# -- Parquet


@pytest.mark.parametrize("kind", CROSSING, ids=lambda kind: kind.__name__)
def test_every_document_has_columns_and_goes_through_them_exactly(kind: type[Document], tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    from hypothesis import HealthCheck, given, settings
    from pyarrow import parquet

    from suture.views.feed_parquet import columns, write_parquet

    assert not set(columns(kind).names) & set(CROSSING[kind])

    @given(documents(kind))
    @settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
    def through(document: Document) -> None:
        journal = MemoryJournal()
        say(journal, document)
        row = feeds.row(journal.read(0, 1)[0], "X:1")
        write_parquet(kind, [row], tmp_path / "x.parquet")
        (back,) = parquet.read_table(tmp_path / "x.parquet").to_pylist()
        assert {name: _same(value) for name, value in back.items()} == {name: _same(value) for name, value in row.items()}

    through()


def _same(value: Any) -> Any:
    """Equal in value: Parquet keeps the number and not its scale, and times in UTC."""
    if isinstance(value, dict):
        return {name: _same(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_same(each) for each in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return round(value, 18) if isinstance(value, Decimal) else value


def test_finer_than_eighteen_places_is_rounded_not_refused(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    from pyarrow import parquet

    from suture.views.feed_parquet import write_parquet

    journal = MemoryJournal()
    fine = Quantity(Decimal("999999999999999999.12345678901234567851"), "EA")
    say(journal, StockMovement(id="MV", item="I", place="P", quantity=fine, reason="adjustment", at=AT, cause="C"))
    write_parquet(StockMovement, [feeds.row(journal.read(0, 1)[0], "X:1")], tmp_path / "x.parquet")
    (back,) = parquet.read_table(tmp_path / "x.parquet").to_pylist()
    assert back["quantity"]["value"] == Decimal("999999999999999999.123456789012345679")


# -- a whole day


@pytest.fixture(scope="module")
def kept(day: Day) -> Iterator[Journal]:
    journal = open_journal(str(day.folder / "suture.db"), load_or_create_key(day.folder / "blobs.key"))
    yield journal
    journal.close()


def test_a_day_adds_up_to_the_ledger_in_documents_deliveries_and_money(kept: Journal, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    from pyarrow import dataset as datasets

    from suture.views.feed_parquet import write_parquet

    everything = list(history(kept))
    made = extend(kept, tmp_path, feed_of(tmp_path, "north", "parquet"), everything[-1].position, AT, write_parquet)
    balance = ledger(everything)
    assert differences(made, {name: sum(states.values()) for name, states in balance.by_name.items()}) == []

    def table(kind: type[Document]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = datasets.dataset(tmp_path / kind.__name__, format="parquet").to_table().to_pylist()
        return rows

    paid = [row.event.data for row in everything if isinstance(row.event.data, PaymentInstruction)]
    assert sum(row["amount"]["amount"] for row in table(PaymentInstruction)) == sum(each.amount.amount for each in paid)
    assert made.datasets["PaymentInstruction"].amounts == {"USD": sum(each.amount.amount for each in paid)}
    spend = sum(
        line["price"]["amount"] * line["quantity"]["value"] / line["price"]["per"]["value"]
        for row in table(PurchaseOrder)
        for line in row["lines"]
    )
    ordered = [row.event.data for row in everything if isinstance(row.event.data, PurchaseOrder)]
    exact = sum((line.value().amount for order in ordered for line in order.lines), Decimal(0))
    assert Money(spend, "USD").rounded() == Money(exact, "USD").rounded()
    # the last word about each delivery is the ledger's, for those whose word leaves
    last = {row["delivery"]: (row["instance"], row["outcome"]) for row in table(Delivered)}
    told = {row.event.data.delivery for row in everything if isinstance(row.event.data, Delivered)}
    hidden = Counter(
        (row.event.data.instance, row.event.data.outcome)
        for row in everything
        if isinstance(row.event.data, Delivered) and row.event.data.delivery in told - last.keys()
    )
    mine = Counter(last.values()) + hidden
    theirs = {(each, fate): n for each, fates in balance.by_instance.items() for fate, n in fates.items() if fate != "owed" and n}
    assert mine == theirs


def test_the_command_says_so_and_goes_on_where_it_stopped(day: Day, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from suture.cli import application

    def feed(*words: str) -> Any:
        command = ["feed", str(tmp_path / "lake"), "-j", str(day.folder), "--format", "jsonl", *words]
        outcome = CliRunner().invoke(application(["feed"]), command)
        assert outcome.exit_code == 0, outcome.output
        return outcome.output

    assert "adds up to the ledger" in feed()
    told = msgspec.json.decode(feed("--json", "-"))
    assert told["adds_up"]
    assert told["feed"]["datasets"]["PurchaseOrder"]["contract"]["owner"] == "supply_chain"
    assert told["feed"]["seal"]["position"] <= told["feed"]["position"]

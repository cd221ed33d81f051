"""The match as a table says of every line what the rule says of it alone: generated lines of every kind, both ways."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from suture.model import InvoiceLine, Item, Money, Policy, Price, Quantity
from suture.rules.matching import LineAccount, Terms, claims, match

ibis = pytest.importorskip("ibis", reason="the match over tables needs the extra: pip install 'suture[batch]'")
pyarrow = pytest.importorskip("pyarrow")
#: Ibis asks DuckDB in a way that the latter gives up.
pytestmark = pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")

TYPES = {
    **dict.fromkeys(("order", "item", "supplier", "category", "currency", "invoice"), pyarrow.string()),
    **dict.fromkeys(("quantity", "price", "per", "amount"), pyarrow.decimal128(18, 6)),
    **dict.fromkeys(("line", "order_line"), pyarrow.int32()),
    **dict.fromkeys(("service", "cancelled"), pyarrow.bool_()),
    "position": pyarrow.int64(),
}
ORDERS = ("order", "line", "item", "supplier", "category", "service", "currency", "quantity", "price", "per", "cancelled")
RECEIPTS = ("order", "line", "quantity")
INVOICES = ("position", "invoice", "line", "order", "order_line", "item", "currency", "quantity", "price", "per", "amount")
ITEMS = {
    "GLOVE": Item(id="GLOVE", name="Glove", unit="EA"),
    "STENT": Item(id="STENT", name="Stent", unit="EA", category="IMPLANT"),
    "REPAIR": Item(id="REPAIR", name="Repair", unit="EA", service=True),
}
VALUES: dict[str, Any] = {
    "price_percent": "2",
    "price_amount": {"USD": "5.00", "KWD": "1.500"},
    "price_under_percent": "20",
    "quantity_percent": "0",
    "services_two_way": True,
    "categories": {"IMPLANT": {"price_percent": "0"}},
    "suppliers": {"CEDAR": {"quantity_percent": "5"}, "DOGWD": {"price_amount": {"EUR": "2.00"}}},
}
POLICY = Policy(
    id="tolerances", version=3, effective=datetime(2026, 1, 1, tzinfo=UTC), author="controller", approver="cfo", values=VALUES
)


def decimal(chance: random.Random, *choices: str) -> Decimal:
    return Decimal(chance.choice(choices))


def orders(chance: random.Random, count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        currency, supplier = chance.choice(("USD", "EUR", "JPY", "KWD")), chance.choice(("ACME", "CEDAR", "DOGWD"))
        for line in range(1, chance.randint(2, 4)):
            item = ITEMS[chance.choice(tuple(ITEMS))]
            yield {
                "order": f"PO-{number}",
                "line": line,
                "item": item.id,
                "supplier": supplier,
                "currency": currency,
                "category": item.category,
                "service": item.service,
                "cancelled": chance.random() < 0.1,
                "quantity": decimal(chance, "10", "7", "0.5", "100", "0"),
                "price": decimal(chance, "4.00", "0.333333", "1250", "0.0049"),
                "per": decimal(chance, "1", "1", "1", "100", "12"),
            }


def bills(chance: random.Random, line: dict[str, Any], numbers: Iterator[int]) -> Iterator[dict[str, Any]]:
    for _ in range(chance.choice((0, 1, 1, 1, 2, 3))):
        quantity = line["quantity"] * decimal(chance, "1", "1", "1", "0.5", "1.05", "1.06", "2", "0", "-1")
        price = line["price"] * decimal(chance, "1", "1", "1", "1.02", "1.0201", "0.8", "0.79", "1.3", "-1")
        per = line["per"] * decimal(chance, "1", "1", "1", "2")
        price, quantity = price.quantize(Decimal("0.000001")), quantity.quantize(Decimal("0.000001"))
        amount = quantity * price / per + decimal(chance, "0", "0", "0", "0", "0.005", "0.0199", "0.02", "-3", "2")
        position = next(numbers)
        yield {
            "position": position,
            "invoice": f"INV-{position}",
            "line": 1,
            "order": line["order"],
            "order_line": chance.choice((line["line"],) * 9 + (0, 77)),
            "quantity": quantity,
            "price": price,
            "per": per,
            "item": chance.choice((line["item"],) * 19 + ("STENT",)),
            "currency": chance.choice((line["currency"],) * 19 + ("GBP",)),
            "amount": amount.quantize(Decimal(chance.choice(("0.01", "0.01", "0.001")))),
        }


def receipts(chance: random.Random, line: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for _ in range(chance.choice((0, 1, 1, 2))):
        quantity = line["quantity"] * decimal(chance, "1", "1", "0.5", "0.96", "-0.1")
        yield {"order": line["order"], "line": line["line"], "quantity": quantity.quantize(Decimal("0.000001"))}


def alone(ordered: list[dict[str, Any]], came: list[dict[str, Any]], billed: list[dict[str, Any]]) -> Iterator[tuple[Any, ...]]:
    """What the rule says of each line, in order, with what earlier lines hold."""
    got: defaultdict[tuple[str, int], list[Quantity]] = defaultdict(list)
    held: defaultdict[tuple[str, int], tuple[Quantity, ...]] = defaultdict(tuple)
    for row in came:
        got[row["order"], row["line"]].append(Quantity(row["quantity"], "EA"))
    for row in billed:
        own = [line for line in ordered if line["order"] == row["order"]]
        accounts = {
            line["line"]: LineAccount(
                number=line["line"],
                item=line["item"],
                ordered=Quantity(line["quantity"], "EA"),
                price=Price(line["price"], line["currency"], Quantity(line["per"], "EA")),
                received=tuple(got[row["order"], line["line"]]),
                billed=held[row["order"], line["line"]],
                matched=held[row["order"], line["line"]],
                cancelled=line["cancelled"],
            )
            for line in own
        }
        line = InvoiceLine(
            number=1,
            item=row["item"],
            quantity=Quantity(row["quantity"], "EA"),
            price=Price(row["price"], row["currency"], Quantity(row["per"], "EA")),
            amount=Money(row["amount"], row["currency"]),
            order=row["order"],
            order_line=row["order_line"],
        )
        supplier = own[0]["supplier"] if own else ""
        terms = Terms(currency=row["currency"], supplier=supplier, policy=POLICY, items=ITEMS)
        judged = match([line], accounts, terms)
        for number, claimed in claims([line], judged.lines).items():
            held[row["order"], number] += claimed
        answer = judged.lines[0]
        variance = answer.variance.amount if answer.variance else Decimal(0)
        yield row["position"], answer.outcome, " ".join(answer.reasons), variance


def held(engine: Any, *of: list[dict[str, Any]]) -> list[Any]:
    """Orders, receipts and invoices as tables of an engine."""
    kinds = zip(("orders", "receipts", "invoices"), (ORDERS, RECEIPTS, INVOICES), of, strict=True)
    tables = ((name, pyarrow.schema([(column, TYPES[column]) for column in names]), rows) for name, names, rows in kinds)
    for name, schema, rows in tables:
        engine.con.register(name, pyarrow.Table.from_pylist(rows, schema))
    return list(map(engine.table, ("orders", "receipts", "invoices")))


@pytest.mark.parametrize("seed", range(4))
def test_a_table_of_lines_is_matched_as_each_line_is(seed: int) -> None:
    from suture.rules.match_table import match_table

    chance = random.Random(seed)
    ordered = list(orders(chance, 150))
    numbers = itertools.count()
    came = [row for line in ordered for row in receipts(chance, line)]
    billed = sorted((row for line in ordered for row in bills(chance, line, numbers)), key=lambda row: chance.random())
    billed = [{**row, "position": position} for position, row in enumerate(billed)]
    tables = held(ibis.duckdb.connect(), ordered, came, billed)
    said = match_table(*tables, POLICY).order_by("position").to_pyarrow().to_pylist()
    found = [(row["position"], row["outcome"], row["reasons"], row["variance"].normalize() + 0) for row in said]
    wanted = [(*row[:3], row[3].normalize() + 0) for row in alone(ordered, came, billed)]
    different = [(mine, theirs) for mine, theirs in zip(found, wanted, strict=True) if mine != theirs]
    assert not different
    assert {"matched", "waiting", "exception"} <= {row[1] for row in found}


def test_an_order_line_that_is_billed_by_number_and_by_item_is_billed_once_however_wide_the_numbers_are() -> None:
    from suture.rules.match_table import match_table

    order = {"order": "PO-1", "line": 1, "item": "GLOVE", "supplier": "ACME", "category": "", "service": False}
    order |= {"currency": "USD", "quantity": Decimal(10), "price": Decimal(4), "per": Decimal(1), "cancelled": False}
    bill = {"position": 0, "invoice": "INV", "line": 1, "order": "PO-1", "item": "GLOVE", "currency": "USD"}
    bill |= {"quantity": Decimal(10), "price": Decimal(4), "per": Decimal(1), "amount": Decimal(40)}
    came = [{"order": "PO-1", "line": 1, "quantity": Decimal(10)}]
    ordered, received, billed = held(
        ibis.duckdb.connect(), [order], came, [{**bill, "order_line": 1}, {**bill, "order_line": 0, "position": 1}]
    )
    wide = ordered.mutate(line=ordered.line.cast("int64"))
    wide.get_backend().create_view("wide", wide)
    said = match_table(ordered.get_backend().table("wide"), received, billed).order_by("position").to_pyarrow().to_pylist()
    answers = [(row["order_line"], row["outcome"], row["before"]) for row in said]
    assert answers == [(1, "matched", 0), (1, "exception", 10)]


def test_rows_that_make_no_sense_are_answered_and_stop_nothing() -> None:
    from suture.rules.match_table import match_table

    order = {"order": "PO-1", "line": 1, "item": "GLOVE", "supplier": "O'HARA", "category": "", "service": False}
    order |= {"currency": "USD", "quantity": Decimal(10), "price": Decimal(4), "per": Decimal(1), "cancelled": False}
    bill = {"position": 0, "invoice": "INV", "line": 1, "order": "PO-1", "order_line": 1, "item": "GLOVE", "currency": "USD"}
    bill |= {"quantity": Decimal(10), "price": Decimal(4), "per": Decimal(1), "amount": Decimal(40)}
    huge = Decimal("999999999999.999999")
    odd = (
        {},
        {"per": Decimal(0)},
        {"price": None},
        {"quantity": huge, "price": huge, "amount": huge},
        {"item": None},
        {"currency": None},
    )
    billed = [{**bill, **change, "position": position} for position, change in enumerate(odd)]
    policy = structs.replace(POLICY, values={"suppliers": {"O'HARA": {"quantity_percent": "1000"}}})
    came = [{"order": "PO-1", "line": 1, "quantity": Decimal(10)}]
    said = match_table(*held(ibis.duckdb.connect(), [order], came, billed), policy).order_by("position").to_pyarrow().to_pylist()
    answers = [(row["outcome"], row["reasons"]) for row in said]
    unknown = ("exception", "unit_unknown")
    item = ("exception", "item_differs quantity_over_ordered quantity_over_received")
    assert answers == [("matched", ""), unknown, unknown, ("beyond", ""), item, ("exception", "currency")]

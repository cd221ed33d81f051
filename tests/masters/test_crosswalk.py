"""Translation of codes in every type of document, and the book that it looks them up in."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, get_args, get_origin

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta, Struct

from suture.masters import Book, Clash, Unknown, translate, written_on
from suture.model import (
    DOCUMENTS,
    Crosswalk,
    Document,
    Item,
    ItemId,
    Money,
    OrderLine,
    Posting,
    PostingLine,
    Price,
    PurchaseOrder,
    Quantity,
)
from tests.strategies import documents

KINDS = ("entity", "place", "item", "supplier", "cost_center")
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PRICE = Price(Decimal("12.50"), "USD", Quantity(Decimal(1), "BX"))


def line(number: int, item: str, cost_center: str = "CC-1") -> OrderLine:
    return OrderLine(number=number, item=item, quantity=Quantity(Decimal(2), "BX"), price=PRICE, cost_center=cost_center)


ORDER = PurchaseOrder(
    id="PO-1",
    requisition="REQ-1",
    entity="E-1",
    facility="F-1",
    ship_to="F-1-DOCK",
    supplier="S-1",
    currency="USD",
    ordered_at=AT,
    lines=(line(1, "I-1"), line(2, "I-2"), line(3, "I-1", "CC-2")),
)


def marked(kind: str, code: str) -> str:
    """Every code is known, under a name that shows how it was asked for."""
    return f"{kind}!{code}"


# Translation.


def test_every_coded_field_is_translated_and_nothing_else() -> None:
    translated, unknown = translate(ORDER, marked, KINDS)
    assert unknown == ()
    assert (translated.entity, translated.facility, translated.ship_to) == ("entity!E-1", "place!F-1", "place!F-1-DOCK")
    assert [(each.item, each.cost_center) for each in translated.lines] == [
        ("item!I-1", "cost_center!CC-1"),
        ("item!I-2", "cost_center!CC-1"),
        ("item!I-1", "cost_center!CC-2"),
    ]
    assert (translated.id, translated.requisition, translated.lines[0].quantity) == ("PO-1", "REQ-1", ORDER.lines[0].quantity)


def test_only_the_kinds_asked_for_are_touched() -> None:
    translated, _ = translate(ORDER, marked, ["supplier"])
    assert translated == msgspec.structs.replace(ORDER, supplier="supplier!S-1")
    assert translated.lines is ORDER.lines


def test_an_unknown_code_is_left_and_reported_with_its_place() -> None:
    known = {("item", "I-1"): "4711", ("supplier", "S-1"): "900"}
    translated, unknown = translate(ORDER, lambda kind, code: known.get((kind, code)), ["item", "supplier", "cost_center"])
    assert unknown == (
        Unknown("lines[0].cost_center", "cost_center", "CC-1"),
        Unknown("lines[1].item", "item", "I-2"),
        Unknown("lines[1].cost_center", "cost_center", "CC-1"),
        Unknown("lines[2].cost_center", "cost_center", "CC-2"),
    )
    assert [each.item for each in translated.lines] == ["4711", "I-2", "4711"]
    assert translated.supplier == "900"


@pytest.mark.parametrize("kinds", [(), KINDS])
def test_a_document_in_which_nothing_changes_is_the_same_object(kinds: tuple[str, ...]) -> None:
    translated, unknown = translate(ORDER, lambda kind, code: "".join(list(code)), kinds)
    assert translated is ORDER
    assert unknown == ()


def test_an_unchanged_line_is_the_same_object() -> None:
    translated, _ = translate(ORDER, lambda kind, code: "4711" if code == "I-2" else code, KINDS)
    assert [new is old for new, old in zip(translated.lines, ORDER.lines, strict=True)] == [True, False, True]


def test_optional_codes_and_tuples_of_codes() -> None:
    lines = (
        PostingLine(account="4000", amount=Money(Decimal(1), "USD")),
        PostingLine(account="4001", amount=Money(Decimal(-1), "USD"), cost_center="CC-1"),
    )
    posting = Posting(id="P-1", entity="E-1", facility="F-1", kind="usage", at=AT, cause="U-1", lines=lines)
    translated, _ = translate(posting, marked, KINDS)
    assert [each.cost_center for each in translated.lines] == [None, "cost_center!CC-1"]
    item = Item(id="I-1", name="Glove", unit="EA", substitutes=("I-2", "I-3"))
    assert translate(item, marked, KINDS)[0].substitutes == ("item!I-2", "item!I-3")
    assert translate(item, lambda kind, code: None, KINDS)[1][1] == Unknown("substitutes[0]", "item", "I-2")


class Part(Struct, frozen=True):
    """A type within itself, and a union of types: the model has none yet, and may."""

    item: ItemId
    parts: tuple[Part, ...] = ()
    instead: Part | Annotated[str, Meta(extra={"code": "supplier"})] | int | None = None


class Kit(Document, frozen=True, kw_only=True):
    """The document of that type."""

    id: str
    part: Part


def test_types_within_themselves_and_unions() -> None:
    kit = Kit(id="K", part=Part("a", (Part("b", (Part("c"),)), Part("d", instead=7)), Part("e", instead="s")))
    translated, _ = translate(kit, marked, KINDS)
    expected = Part(
        "item!a",
        (Part("item!b", (Part("item!c"),)), Part("item!d", instead=7)),
        Part("item!e", instead="supplier!s"),
    )
    assert translated.part == expected
    assert translate(kit, lambda kind, code: None, ["supplier"])[1] == (Unknown("part.instead.instead", "supplier", "s"),)


def codes_of(value: object, hint: Any) -> Iterator[tuple[str, str]]:
    """Kind and code of every coded value, found by walking the type hints: another way than the one under test."""
    if get_origin(hint) is Annotated:
        extra = [note.extra["code"] for note in hint.__metadata__ if isinstance(note, Meta) and note.extra]
        if extra and isinstance(value, str):
            yield extra[0], value
            return
        hint = get_args(hint)[0]
    if isinstance(value, Struct):
        for name, inner in typing.get_type_hints(type(value), include_extras=True).items():
            if name in value.__struct_fields__:
                yield from codes_of(getattr(value, name), inner)
    elif isinstance(value, tuple):
        for each in value:
            yield from codes_of(each, get_args(hint)[0])
    elif isinstance(value, str):
        for case in get_args(hint):
            if get_origin(case) is Annotated:
                yield from codes_of(value, case)


@pytest.mark.parametrize("kind", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_no_type_of_document_hides_a_code(kind: type[Document]) -> None:
    @settings(max_examples=5)
    @given(documents(kind))
    def check(document: Document) -> None:
        wanted = sorted(codes_of(document, kind))
        translated, _ = translate(document, marked, KINDS)
        assert sorted(codes_of(translated, kind)) == sorted((of, f"{of}!{code}") for of, code in wanted)
        _, unknown = translate(document, lambda of, code: None, KINDS)
        assert sorted((each.kind, each.value) for each in unknown) == wanted

    check()


# The book.


def book(*rows: tuple[str, str, str, str]) -> Book:
    made = Book()
    for system, kind, local, golden in rows:
        made.add(Crosswalk(system=system, kind=kind, local=local, golden=golden))  # type: ignore[arg-type]
    return made


def test_codes_go_in_and_out() -> None:
    made = book(("erp", "item", "4711", "I-1"), ("erp", "supplier", "900", "S-1"), ("ehr", "item", "0815", "I-1"))
    assert (made.inbound("erp", "item", "4711"), made.outbound("erp", "item", "I-1")) == ("I-1", "4711")
    assert (made.inbound("ehr", "item", "0815"), made.outbound("ehr", "item", "I-1")) == ("I-1", "0815")
    assert (made.inbound("erp", "item", "0815"), made.outbound("erp", "item", "I-2")) == (None, None)


def test_a_system_without_rows_of_a_kind_uses_our_codes() -> None:
    made = book(("erp", "item", "4711", "I-1"))
    assert (made.inbound("erp", "place", "F-1"), made.outbound("wms", "item", "I-1")) == ("F-1", "I-1")


def test_a_later_row_replaces_an_earlier_one() -> None:
    made = book(("erp", "item", "4711", "I-1"), ("erp", "item", "4711", "I-2"))
    assert made.inbound("erp", "item", "4711") == "I-2"
    assert (made.outbound("erp", "item", "I-2"), made.outbound("erp", "item", "I-1")) == ("4711", None)
    made.add(Crosswalk(system="erp", kind="item", local="4711", golden="I-2"))
    assert made.collisions() == ()


def since(local: str, golden: str, first: date | None, last: date | None = None) -> Crosswalk:
    return Crosswalk(system="erp", kind="item", local=local, golden=golden, effective_from=first, effective_to=last)


@pytest.mark.parametrize("turned", [False, True])
def test_a_code_that_is_given_to_something_else_means_each_in_its_time(turned: bool) -> None:
    rows = [since("4711", "I-OLD", None, date(2026, 3, 31)), since("4711", "I-NEW", date(2026, 4, 1))]
    made = Book()
    for row in reversed(rows) if turned else rows:
        made.add(row)
    days = (date(2026, 3, 31), date(2026, 4, 1))
    assert [made.inbound("erp", "item", "4711", day) for day in days] == ["I-OLD", "I-NEW"]
    assert [made.outbound("erp", "item", "I-OLD", day) for day in days] == ["4711", None]
    assert [made.outbound("erp", "item", "I-NEW", day) for day in days] == [None, "4711"]
    assert made.collisions() == ()


def test_a_code_before_its_time_is_unknown() -> None:
    made = Book()
    made.add(since("4711", "I-1", date(2026, 4, 1)))
    assert made.inbound("erp", "item", "4711", date(2026, 3, 31)) is None


def test_one_code_for_two_things_on_one_day_is_a_clash_and_the_later_row_counts() -> None:
    made = Book()
    made.add(since("4711", "I-1", None))
    made.add(since("4711", "I-2", date(2026, 4, 1)))
    assert made.inbound("erp", "item", "4711", date(2026, 4, 1)) == "I-2"
    assert made.collisions() == tuple(Clash("erp", "item", "ambiguous", golden, ("4711",)) for golden in ("I-1", "I-2"))


def test_a_document_is_dated_where_it_says_so() -> None:
    assert written_on(ORDER) == ORDER.ordered_at.date()
    assert written_on(Crosswalk(system="erp", kind="item", local="1", golden="2")) is None


@given(st.permutations(["b", "a", "c"]))
def test_of_several_codes_the_least_goes_out_in_whatever_order_they_came(locals_: list[str]) -> None:
    made = book(*[("erp", "item", local, "I-1") for local in locals_])
    assert made.outbound("erp", "item", "I-1") == "a"
    assert made.collisions() == (Clash("erp", "item", "several_locals", "I-1", ("a", "b", "c")),)


def test_a_code_that_is_ours_for_something_else_is_a_clash() -> None:
    made = book(("erp", "item", "I-2", "I-1"), ("erp", "item", "4712", "I-2"), ("ehr", "item", "I-9", "I-9"))
    assert made.collisions() == (Clash("erp", "item", "borrowed", "I-1", ("I-2",)),)


def test_orphans_lead_to_nothing_known() -> None:
    made = book(("erp", "item", "4711", "I-1"), ("erp", "item", "4712", "I-2"), ("erp", "place", "P", "F-1"))
    assert made.orphans({"item": {"I-1"}}) == (Crosswalk(system="erp", kind="item", local="4712", golden="I-2"),)
    assert len(made.orphans({"item": (), "place": ()})) == 3
    assert made.orphans({}) == ()


def test_candidates_come_from_codes_and_names() -> None:
    made = book(("erp", "item", "MED-004711", "I-1"), ("ehr", "item", "GLOVE-L", "I-2"))
    made.know("item", "I-3", "Examination glove, nitrile, size M")
    assert made.candidates("item", "med 4711") == ("I-1",)
    assert made.candidates("item", "GLOVE-XL")[0] == "I-2"
    assert made.candidates("item", "nitrile glove size M")[0] == "I-3"
    assert made.candidates("item", "?!") == made.candidates("supplier", "MED-004711") == ()


codes = st.text("ABC123-", min_size=1, max_size=8)


@st.composite
def one_to_one(draw: st.DrawFn) -> dict[tuple[str, str], str]:
    """Ours to theirs, by kind, each on both sides once."""
    rows = {}
    for kind in KINDS:
        ours = draw(st.lists(codes, unique=True, max_size=6))
        theirs = draw(st.lists(codes, unique=True, min_size=len(ours), max_size=len(ours)))
        rows.update({(kind, golden): local for golden, local in zip(ours, theirs, strict=True)})
    return rows


def order_of(names: Mapping[str, list[str]], draw: st.DrawFn) -> PurchaseOrder:
    def one(kind: str) -> str:
        return draw(st.sampled_from([*names[kind], "Z"]))

    lines = tuple(line(number, one("item"), one("cost_center")) for number in (1, 2))
    return msgspec.structs.replace(
        ORDER, entity=one("entity"), facility=one("place"), ship_to=one("place"), supplier=one("supplier"), lines=lines
    )


@given(st.data())
@settings(max_examples=60)
def test_out_and_in_again_is_the_same_and_unknown_codes_are_never_lost(data: st.DataObject) -> None:
    rows = data.draw(one_to_one())
    made = book(*[("erp", kind, local, golden) for (kind, golden), local in rows.items()])
    names = {kind: [golden for of, golden in rows if of == kind] for kind in KINDS}
    order = data.draw(st.composite(lambda draw: order_of(names, draw))())
    leaving, missing = translate(order, partial(made.outbound, "erp"), KINDS)
    strangers = {(kind, "Z") for kind in KINDS if names[kind]}
    assert {(each.kind, each.value) for each in missing} == strangers & set(codes_of(order, PurchaseOrder))
    if not missing:
        arriving, unknown = translate(leaving, partial(made.inbound, "erp"), KINDS)
        assert (arriving, unknown) == (order, ())

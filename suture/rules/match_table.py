"""The three-way match of ``rules.matching`` as one expression over tables: a million lines at once, on whatever engine runs it.

The expression is built with Ibis and runs on DuckDB here and on Spark or a warehouse there. Tables hold one line per row, counted
in the item's base unit, so that no packaging level has to be looked up::

    orders    order line item supplier category service currency quantity price per cancelled
    receipts  order line quantity                                                 reversals are negative
    invoices  position invoice line order order_line item currency quantity price per amount

``quantity``, ``price``, ``per`` (the price is for so many) and ``amount`` are DECIMAL(18, 6). ``position`` is the order in which
lines were accepted: an earlier line holds against its order line before a later one. An invoice line with ``order_line`` 0 bills
the only line of its item. A quantity that is NULL was in a unit that the item does not come in.

All comparisons are of whole numbers (millionths, cross-multiplied), as exact as the fractions of ``rules.matching``. A line
whose products might not fit into 38 digits has the outcome "beyond": it is for the exact rule, alone.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow

from suture.model import Policy
from suture.model.quantities import MINOR_UNITS
from suture.rules.tolerances import Tolerances, tolerances

#: Whole numbers of up to 38 digits, which every engine has.
_WHOLE = "decimal(38, 0)"
_MICRO = 1_000_000
#: A product beyond this might not fit.
_FITS = 1e36
_MONEY = "decimal(18, 6)"
_LINE = ("position", "invoice", "line", "order", "order_line")
#: The tolerances as whole numbers; where there is none, since not every engine takes a table with gaps.
_ABSENT = -1
_LIMITS = pyarrow.schema(
    [
        *((f"limit_{name}", pyarrow.string()) for name in ("supplier", "category", "currency")),
        *((name, pyarrow.int64()) for name in ("over_ppm", "over_micro", "under_ppm", "stretch")),
        ("two_way", pyarrow.bool_()),
    ]
)


def match_table(orders: ir.Table, receipts: ir.Table, invoices: ir.Table, policy: Policy | None = None) -> ir.Table:
    """A row per line: position, invoice, line, order, order_line, outcome, reasons, variance, ordered, received, before.

    ``reasons`` are the codes of ``rules.match_reasons``, separated by spaces; ``variance`` is what is billed beyond what may be
    billed now, in the line's currency; the quantities are in base units. Raises ValueError for a policy with a tolerance finer
    than a millionth.
    """
    lines = _measured(_beside(_grouped(_named(invoices, orders)), _received(orders, receipts)))
    others = _after_others(lines.filter(~lines.plain))
    return _matched(lines.filter(lines.plain)).union(_answer(_judged(_limited(others, policy))))


# -- what each order line stands at


def _received(orders: ir.Table, receipts: ir.Table) -> ir.Table:
    came = receipts.group_by("order", "line").agg(
        received=receipts.quantity.sum(), uncounted=receipts.quantity.isnull().cast("int8").max()
    )
    joined = orders.left_join(came, ["order", "line"], rname="came_{name}")
    return joined.mutate(received=joined.received.coalesce(ibis.literal(Decimal(0))), uncounted=joined.uncounted.coalesce(0) > 0)


def _limited(lines: ir.Table, policy: Policy | None) -> ir.Table:
    """Each line with the tolerances for its supplier, category and currency; what has none of its own has the general ones."""
    rows = list(_limits(policy))
    named = {
        f"limit_{name}": _one_of(lines[name], {row[f"limit_{name}"] for row in rows})
        for name in ("supplier", "category", "currency")
    }
    limits = ibis.memtable(pyarrow.Table.from_pylist(rows, _LIMITS))
    return lines.mutate(**named).left_join(limits, list(named), rname="of_{name}")


def _one_of(column: ir.Value, known: set[str]) -> ir.Value:
    return ibis.ifelse(column.isin(sorted(known)), column, "")


def _limits(policy: Policy | None) -> Iterator[dict[str, Any]]:
    values: Mapping[str, Any] = policy.values if policy else {}
    suppliers, categories = ({"", *values.get(group, {})} for group in ("suppliers", "categories"))
    for supplier, category in product(sorted(suppliers), sorted(categories)):
        found = tolerances(policy, supplier, category)
        for currency in sorted({"", *_currencies(values)}):
            yield {
                "limit_supplier": supplier,
                "limit_category": category,
                "limit_currency": currency,
                **_whole(found, currency),
            }


def _currencies(values: Mapping[str, Any]) -> Iterator[str]:
    """Every currency for which the policy, or an exception within it, knows a limit per line."""
    yield from values.get("price_amount", {})
    for group in ("suppliers", "categories"):
        for override in values.get(group, {}).values():
            yield from override.get("price_amount", {})


def _whole(limits: Tolerances, currency: str) -> dict[str, Any]:
    return {
        "over_ppm": _parts(limits.price_percent, 10_000),
        "over_micro": _parts(limits.price_amount.get(currency), _MICRO),
        "under_ppm": _parts(limits.price_under_percent, 10_000),
        "stretch": _MICRO + _parts(limits.quantity_percent, 10_000),
        "two_way": limits.services_two_way,
    }


def _parts(value: Decimal | None, of_one: int) -> int:
    """A tolerance in whole parts; raises ValueError for one that is finer."""
    if value is None:
        return _ABSENT
    parts = Fraction(value) * of_one
    if parts.denominator != 1:
        raise ValueError(
            f"a tolerance of {value.normalize():f} is finer than can be compared in a table; round the policy's value"
        )
    return int(parts)


# -- which order line an invoice line bills


def _named(invoices: ir.Table, orders: ir.Table) -> ir.Table:
    """Invoice lines with the number of the order line they bill: their own, or that of the only line of their item."""
    nameless = invoices.filter(invoices.order_line == 0)
    orders = orders.semi_join(nameless, "order")
    only = (
        orders.group_by("order", "item").agg(only_line=orders.line.max(), of_item=orders.count()).filter(lambda t: t.of_item == 1)
    )
    found = nameless.left_join(only, ["order", "item"], rname="only_{name}")
    found = found.mutate(order_line=found.only_line.coalesce(0).cast("int32"))[invoices.columns]
    return invoices.filter(invoices.order_line != 0).mutate(order_line=invoices.order_line.cast("int32")).union(found)


def _grouped(invoices: ir.Table) -> ir.Table:
    """Each line with whether there are ``several`` that bill the same order line, and so have to be taken in order."""
    shared = invoices.group_by("order", "order_line").agg(times=invoices.count()).filter(lambda group: group.times > 1)
    joined = invoices.left_join(shared, ["order", "order_line"], rname="shared_{name}")
    return joined.mutate(several=joined.times.notnull())[*invoices.columns, "several"]


def _beside(invoices: ir.Table, accounts: ir.Table) -> ir.Table:
    """Each invoice line beside its order line, "o_" before the latter's columns; NULLs where there is none."""
    ordered = accounts.rename({f"o_{name}": name for name in ("order", "line", "item", "currency", "quantity", "price", "per")})
    return invoices.left_join(
        ordered, [invoices.order == ordered.o_order, invoices.order_line == ordered.o_line.cast("int32")], rname="{name}_"
    )


# -- in whole numbers


def _measured(lines: ir.Table) -> ir.Table:
    """Quantities, prices and amounts in millionths, each line with what earlier ones hold of its order line.

    ``sure`` says that a line may be judged here at all. ``plain`` says that floating point is enough to see that nothing differs:
    nine lines in ten, for which no large number is ever multiplied.
    """
    t = lines.mutate(
        known=lines.o_order.notnull(),
        same_money=lines.currency == lines.o_currency,
        counted=lines.quantity.notnull()
        & lines.per.notnull()
        & lines.o_quantity.notnull()
        & lines.o_per.notnull()
        & ~lines.uncounted,
        cent=lines.currency.cases(*_cents().items(), else_=10_000),
        fits=_fits(lines),
    )
    t = t.mutate(sure=(t.known & t.same_money & t.counted & t.fits).coalesce(False))
    t = t.mutate(
        q=_micro(t, "quantity"),
        p=_micro(t, "price"),
        b=_micro(t, "per"),
        a=_micro(t, "amount"),
        o_q=_micro(t, "o_quantity"),
        o_p=_micro(t, "o_price"),
        o_b=_micro(t, "o_per"),
        r_q=_micro(t, "received"),
    )
    return t.mutate(plain=(~t.several & _plain(t)).coalesce(False))


def _after_others(t: ir.Table) -> ir.Table:
    """Each line with what earlier ones hold of its order line (``before``)."""
    earlier = ibis.window(group_by=["order", "order_line"], order_by="position", preceding=(None, 1))
    return t.mutate(before=t.q.sum().over(earlier).coalesce(0).cast("int64"))


def _cents() -> dict[str, int]:
    """The minor unit, in millionths, of the currencies whose minor unit is not a hundredth."""
    return {currency: _MICRO // 10**digits for currency, digits in MINOR_UNITS.items()}


def _fits(lines: ir.Table) -> ir.BooleanValue:
    """Whether all products of the line stay within 37 digits and all sums within a long, estimated in floating point."""
    price = _largest(lines.price, lines.o_price, lines.amount)
    basis = _largest(lines.per, lines.o_per)
    count = _largest(lines.quantity, lines.o_quantity, lines.received)
    return (_largest(lines.quantity) < 1e14) & (price * basis * ibis.greatest(count, basis) * _MICRO < _FITS) & (price < 9e18)


def _largest(*columns: ir.Value) -> ir.Value:
    sizes = [column.cast("float64").abs() * _MICRO + 1 for column in columns]
    return ibis.greatest(*sizes) if len(sizes) > 1 else sizes[0]


def _micro(lines: ir.Table, name: str) -> ir.Value:
    """A column in millionths; NULL where the line cannot be judged here."""
    return ibis.ifelse(lines.sure, (lines[name] * _MICRO).cast("int64"), ibis.null("int64"))


def _plain(t: ir.Table) -> ir.BooleanValue:
    """Nothing differs, and the amount is nearer to quantity times price than half a minor unit, whatever floating point errs."""
    rest = (t.q.cast("float64") * t.p / t.b - t.a).abs()
    return (
        ((t.item == t.o_item) & ~t.cancelled & (t.p == t.o_p) & (t.b == t.o_b))
        & ((t.q > 0) & (t.p >= 0) & (t.q <= t.o_q) & (t.q <= t.r_q))
        & ((t.a % t.cent == 0) & (t.a < 1e14) & (rest < 0.49 * t.cent))
    )


# -- differences, in the order in which rules.matching names them


def _judged(t: ir.Table) -> ir.Table:
    """What differs, each a column: "x_" for an exception, "w_" for what may heal by itself, "t_" for what is tolerated."""
    t = t.mutate(
        two=t.two_way & t.service,
        before_q=t.before.cast(_WHOLE),
        **{name: t[name].cast(_WHOLE) for name in ("q", "p", "b", "a", "o_q", "o_p", "o_b", "r_q")},
    )
    t = t.mutate(claimed=t.before_q + t.q, asked=t.p * t.o_b, agreed=t.o_p * t.b)
    t = t.mutate(
        over_ordered=(t.q != 0) & ~t.cancelled & (t.claimed > t.o_q),
        far_over_ordered=(t.q != 0) & ~t.cancelled & (t.claimed * _MICRO > t.o_q * t.stretch.cast(_WHOLE)),
        over_received=(t.q != 0) & (t.claimed > t.r_q) & ~(t.two & ~t.cancelled),
        price_over=(t.q != 0) & (t.asked > t.agreed),
        price_under=(t.q != 0) & (t.asked < t.agreed),
    )
    short = t.over_received & ~t.cancelled & ~t.far_over_ordered
    near = t.claimed * _MICRO <= t.r_q * t.stretch.cast(_WHOLE)
    over, under = _allowed_over(t), _allowed_under(t)
    return t.mutate(
        x_item_differs=t.item != t.o_item,
        x_negative_line=(t.q < 0) | (t.a < 0) | (t.p < 0),
        x_arithmetic=(t.p * t.q - t.a * t.b).abs() >= 2 * t.cent * t.b,
        x_order_cancelled=t.over_received & t.cancelled,
        x_quantity_over_ordered=t.far_over_ordered,
        t_quantity_over_ordered=t.over_ordered & ~t.far_over_ordered,
        t_quantity_over_received=short & near,
        w_quantity_over_received=short & ~near & (t.r_q > 0),
        w_not_received=short & ~near & (t.r_q <= 0),
        x_price_over=t.price_over & ~over,
        t_price_over=t.price_over & over,
        x_price_under=t.price_under & ~under,
        t_price_under=t.price_under & under,
    )


def _allowed_over(t: ir.Table) -> ir.BooleanValue:
    percent, limit = t.over_ppm != _ABSENT, t.over_micro != _ABSENT
    by_percent = ~percent | ((t.asked - t.agreed) * _MICRO * t.q <= t.agreed * t.over_ppm.cast(_WHOLE) * t.q)
    by_amount = ~limit | ((t.asked - t.agreed) * t.q <= t.over_micro.cast(_WHOLE) * t.b * t.o_b)
    return (percent | limit) & by_percent & by_amount


def _allowed_under(t: ir.Table) -> ir.BooleanValue:
    by_percent = (t.agreed - t.asked) * _MICRO * t.q <= t.agreed * t.under_ppm.cast(_WHOLE) * t.q
    return (t.under_ppm == _ABSENT) | by_percent


# -- the answer


def _matched(t: ir.Table) -> ir.Table:
    """The answer to plain lines."""
    nothing = ibis.literal(0).cast(_MONEY)
    answer = {"outcome": ibis.literal("matched"), "reasons": ibis.literal(""), "variance": nothing}
    return t.select(*_LINE, **answer, ordered=t.o_quantity, received=t.received, before=nothing)


def _answer(t: ir.Table) -> ir.Table:
    differences = [name for name in t.columns if name[:2] in ("x_", "w_", "t_")]
    t = t.mutate(
        bad=_any(t[name] for name in differences if name.startswith("x_")),
        late=_any(t[name] for name in differences if name.startswith("w_")),
    )
    named = functools.reduce(operator.add, (ibis.ifelse(t[name], name[2:] + " ", "") for name in differences))
    t = _varying(t)
    return t.select(
        *_LINE,
        outcome=ibis.cases(
            (t.sure, ibis.cases((t.bad, "exception"), (t.late, "waiting"), else_="matched")),
            (t.known & t.same_money & t.counted, "beyond"),
            else_="exception",
        ),
        reasons=ibis.cases(
            (t.sure, named.rstrip()),
            (~t.known, "line_unknown"),
            (~t.same_money, "currency"),
            (~t.counted, "unit_unknown"),
            else_="",
        ),
        variance=ibis.ifelse(t.sure, t.variance, t.amount.cast(_MONEY)),
        ordered=t.o_quantity,
        received=t.received,
        before=(t.before.cast("decimal(38, 6)") / _MICRO).cast(_MONEY),
    )


def _any(columns: Iterator[ir.BooleanValue]) -> ir.BooleanValue:
    return functools.reduce(operator.or_, columns)


def _varying(t: ir.Table) -> ir.Table:
    """With what is billed less the order's price of what may be billed now, each rounded half up to the minor unit."""
    in_order, in_stock = t.o_q - t.before_q, t.r_q - t.before_q
    open_now = ibis.ifelse(t.cancelled, in_stock, ibis.ifelse(t.two, in_order, ibis.least(in_order, in_stock)))
    payable = ibis.greatest(ibis.least(t.q, open_now), ibis.literal(0).cast(_WHOLE))
    # a quotient rounded half up is the whole part of (2n + d) / 2d: estimated in floating point, then mended exactly
    t = t.mutate(twice=payable * t.o_p * 2 + t.o_b * t.cent, by=t.o_b * t.cent * 2)
    t = t.mutate(guess=(t.twice.cast("float64") / t.by.cast("float64")).floor().cast("int64").cast(_WHOLE))
    t = t.mutate(rest=t.twice - t.guess * t.by)
    cents = t.guess + ibis.cases((t.rest < 0, -1), (t.rest >= t.by, 1), else_=0)
    return t.mutate(variance=((_rounded(t.a, t.cent) - cents * t.cent).cast("decimal(38, 6)") / _MICRO).cast(_MONEY))


def _rounded(amount: ir.Value, cent: ir.Value) -> ir.Value:
    """An amount in millionths, rounded half up (away from zero) to the minor unit."""
    beyond = amount.abs() + (cent / 2).floor().cast("int64")
    return (beyond - beyond % cent) * ibis.ifelse(amount < 0, -1, 1)

"""The three-way match of ``rules.matching`` as one query over tables: a million lines at once, on whatever engine runs it.

The query stands in ``match_table.sql``. It runs on DuckDB as it is; Ibis writes it for Spark or a warehouse. Tables hold one line
per row, counted in the item's base unit, so that no packaging level has to be looked up::

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

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from importlib.resources import files
from itertools import product
from string import Template
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis.util import gen_name

from suture.model import Policy
from suture.model.quantities import MINOR_UNITS
from suture.rules.tolerances import Tolerances, tolerances

#: What the query is written in.
_DIALECT = "duckdb"
_MICRO = 1_000_000
#: The tolerances are whole numbers; this stands where there is none.
_ABSENT = -1
_ANSWER = ibis.schema(
    {
        "position": "int64",
        "invoice": "string",
        "line": "int32",
        "order": "string",
        "order_line": "int32",
        "outcome": "string",
        "reasons": "string",
        "variance": "decimal(18, 6)",
        "ordered": "decimal(18, 6)",
        "received": "decimal(38, 6)",
        "before": "decimal(18, 6)",
    }
)


def match_table(orders: ir.Table, receipts: ir.Table, invoices: ir.Table, policy: Policy | None = None) -> ir.Table:
    """A row per line: position, invoice, line, order, order_line, outcome, reasons, variance, ordered, received, before.

    The tables are tables or views of one engine, known there by a name; on DuckDB the answer is a temporary view beside them.
    ``reasons`` are the codes of ``rules.match_reasons``, separated by spaces; ``variance`` is what is billed beyond what may be
    billed now, in the line's currency; the quantities are in base units. Raises ValueError for a policy with a tolerance finer
    than a millionth.
    """
    named = {"orders": orders, "receipts": receipts, "invoices": invoices}
    query = Template((files("suture.rules") / "match_table.sql").read_text("utf-8")).substitute(
        {name: _quoted(table.get_name()) for name, table in named.items()}, **_terms(policy)
    )
    engine = invoices.get_backend()
    if engine.name != _DIALECT:
        return engine.sql(query, schema=_ANSWER, dialect=_DIALECT)
    # a view is the engine's own reading of its own dialect: Ibis would parse the query and write it again, a tenth of a second
    view = gen_name("match")
    engine.raw_sql(f"create temp view {_quoted(view)} as {query}")
    return engine.table(view)


def _quoted(name: str) -> str:
    return ".".join(f'"{part}"' for part in name.split("."))


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _rows(rows: Iterable[tuple[object, ...]]) -> str:
    return ", ".join(f"({', '.join(map(str, row))})" for row in rows)


def _terms(policy: Policy | None) -> dict[str, str]:
    """What the query is to know: names that have limits of their own, by number, minor units, and the limits."""
    values: Mapping[str, Any] = policy.values if policy else {}
    suppliers, categories = (sorted({"", *values.get(group, {})}) for group in ("suppliers", "categories"))
    limited = sorted({"", *_currencies(values)})
    currencies = [*limited, *sorted(MINOR_UNITS.keys() - set(limited))]
    return {
        "suppliers": _rows((_text(name), number) for number, name in enumerate(suppliers)),
        "categories": _rows((_text(name), number) for number, name in enumerate(categories)),
        "currencies": _rows(
            (_text(name), number if number < len(limited) else 0, _MICRO // 10 ** MINOR_UNITS.get(name, 2))
            for number, name in enumerate(currencies)
        ),
        "limits": _rows(_limits(policy, suppliers, categories, limited)),
    }


def _limits(
    policy: Policy | None, suppliers: list[str], categories: list[str], currencies: list[str]
) -> Iterator[tuple[object, ...]]:
    """The numbers of supplier, category and currency, and the limits; "", number 0, is whatever has none of its own."""
    for (one, supplier), (two, category) in product(enumerate(suppliers), enumerate(categories)):
        found = tolerances(policy, supplier, category)
        yield from ((one, two, three, *_whole(found, currency)) for three, currency in enumerate(currencies))


def _currencies(values: Mapping[str, Any]) -> Iterator[str]:
    """Every currency for which the policy, or an exception within it, knows a limit per line."""
    yield from values.get("price_amount", {})
    for group in ("suppliers", "categories"):
        for override in values.get(group, {}).values():
            yield from override.get("price_amount", {})


def _whole(limits: Tolerances, currency: str) -> Iterator[str]:
    numbers = (
        _parts(limits.price_percent, 10_000),
        _parts(limits.price_amount.get(currency), _MICRO),
        _parts(limits.price_under_percent, 10_000),
        _MICRO + _parts(limits.quantity_percent, 10_000),
    )
    yield from (f"cast({number} as decimal(38, 0))" for number in numbers)
    yield str(limits.services_two_way).lower()


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

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

    The tables are tables or views of one engine, known there by a name. ``reasons`` are the codes of ``rules.match_reasons``,
    separated by spaces; ``variance`` is what is billed beyond what may be billed now, in the line's currency; the quantities are
    in base units. Raises ValueError for a policy with a tolerance finer than a millionth.
    """
    named = {"orders": orders, "receipts": receipts, "invoices": invoices}
    query = Template((files("suture.rules") / "match_table.sql").read_text("utf-8")).substitute(
        {name: _quoted(table.get_name()) for name, table in named.items()}, **_terms(policy)
    )
    engine = invoices.get_backend()
    # written in its own dialect, the query need not be parsed and written again
    return engine.sql(query, schema=_ANSWER, dialect=None if engine.name == _DIALECT else _DIALECT)


def _quoted(name: str) -> str:
    return ".".join(f'"{part}"' for part in name.split("."))


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _texts(values: Iterable[str]) -> str:
    return ", ".join(map(_text, sorted(values)))


def _terms(policy: Policy | None) -> dict[str, str]:
    """What the query is to know of the policy and of currencies: the names that have limits of their own, and all limits."""
    limits = list(_limits(policy))
    suppliers, categories, currencies = ({limit[place] for limit in limits} for place in range(3))
    return {
        "suppliers": _texts(suppliers),
        "categories": _texts(categories),
        "currencies": _texts(currencies),
        "limits": ", ".join(f"({_text(one)}, {_text(two)}, {_text(three)}, {rest})" for one, two, three, rest in limits),
        "odd_currencies": _texts(MINOR_UNITS),
        "cents": " ".join(f"when currency in ({_texts(names)}) then {_MICRO // 10**digits}" for digits, names in _by_digits()),
    }


def _by_digits() -> Iterator[tuple[int, list[str]]]:
    """Digits of the minor unit, and the currencies that have so many; hundredths are not among them."""
    for digits in sorted(set(MINOR_UNITS.values())):
        yield digits, [currency for currency, many in MINOR_UNITS.items() if many == digits]


def _limits(policy: Policy | None) -> Iterator[tuple[str, str, str, str]]:
    """Supplier, category, currency and the limits that hold for them; "" is whatever has none of its own."""
    values: Mapping[str, Any] = policy.values if policy else {}
    suppliers, categories = ({"", *values.get(group, {})} for group in ("suppliers", "categories"))
    currencies = sorted({"", *_currencies(values)})
    for supplier, category in product(sorted(suppliers), sorted(categories)):
        found = tolerances(policy, supplier, category)
        yield from ((supplier, category, currency, _whole(found, currency)) for currency in currencies)


def _currencies(values: Mapping[str, Any]) -> Iterator[str]:
    """Every currency for which the policy, or an exception within it, knows a limit per line."""
    yield from values.get("price_amount", {})
    for group in ("suppliers", "categories"):
        for override in values.get(group, {}).values():
            yield from override.get("price_amount", {})


def _whole(limits: Tolerances, currency: str) -> str:
    numbers = (
        _parts(limits.price_percent, 10_000),
        _parts(limits.price_amount.get(currency), _MICRO),
        _parts(limits.price_under_percent, 10_000),
        _MICRO + _parts(limits.quantity_percent, 10_000),
    )
    whole = ", ".join(f"cast({number} as decimal(38, 0))" for number in numbers)
    return f"{whole}, {str(limits.services_two_way).lower()}"


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

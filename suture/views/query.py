"""The search line: words and qualifiers such as ``supplier:ALDER state:exception po:PO-1 amount>10k``, read and answered.

Qualifiers are joined with "and"; one that is named twice means either. A word without a qualifier begins an identifier.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from msgspec import Struct

from suture.journal.rows import instant, micros
from suture.views.search import Index, Row, scaled, unscaled

#: Qualifiers and the column that each looks at.
COLUMNS = {"kind": "kind", "supplier": "supplier", "state": "state", "facility": "facility", "entity": "entity"}
QUALIFIERS = (*COLUMNS, "po", "since", "until", "amount>", "amount<")
#: Letters of a search line and its parts at most; rows that are counted before we say "more than".
LINE_LETTERS, PARTS_MOST, COUNTED = 300, 20, 10_000
#: Completions that are offered at once.
OFFERED = 8
_AMOUNT = re.compile(r"amount([<>])(\d[\d.,]*)([km]?)", re.IGNORECASE)
_WORD = "id glob ?"
_TIMES = {"": 1, "k": 1000, "m": 1_000_000}


class Query(Struct, frozen=True):
    """A search line that was read: its conditions as SQL with their values, and what could not be understood, in words."""

    line: str
    where: str
    values: tuple[object, ...]
    faults: tuple[str, ...] = ()

    @property
    def bare(self) -> bool:
        """Whether it is one word that may be an identifier."""
        return bool(self.line) and self.where == f"({_WORD})" and not self.faults


class Answer(Struct, frozen=True):
    """A page of documents, the latest first; ``count`` up to ``COUNTED``; ``more`` is where the next page begins, 0 for none."""

    rows: tuple[Row, ...]
    count: int
    more: int


def read_query(line: str) -> Query:
    """Read a search line; what is wrong with it is told in ``faults`` and left out."""
    either: dict[str, list[tuple[str, object]]] = {}
    faults: list[str] = []
    for number, part in enumerate(line[:LINE_LETTERS].split()[:PARTS_MOST]):
        try:
            group, sql, value = _condition(part, number)
        except ValueError as error:
            faults.append(str(error))
        else:
            either.setdefault(group, []).append((sql, value))
    where = " and ".join(f"({' or '.join(sql for sql, _ in conditions)})" for conditions in either.values())
    values = tuple(value for conditions in either.values() for _, value in conditions)
    return Query(line.strip(), where, values, tuple(faults))


def _condition(part: str, number: int) -> tuple[str, str, object]:
    """One part as (what it narrows, SQL, value); raises ValueError with the cause."""
    if amount := _AMOUNT.fullmatch(part):
        sign, digits, times = amount.groups()
        return f"amount{sign}", f"amount {sign} ?", scaled(_number(digits) * _TIMES[times.lower()])
    name, colon, value = part.partition(":")
    if not colon or name not in (*COLUMNS, "po", "since", "until"):
        if colon and name.isalpha() and name.islower():
            raise ValueError(f"there is no qualifier {name}:, known are {', '.join(QUALIFIERS)}")
        return f"word {number}", _WORD, f"{_plain(part)}*"
    if name == "po":
        return name, "number in (select document from links where purchase = ?)", value
    if name in ("since", "until"):
        return name, f"at {'>=' if name == 'since' else '<'} ?", micros(_day(value, whole=name == "until"))
    return name, f"{COLUMNS[name]} = ? collate nocase", value


def _number(digits: str) -> Decimal:
    try:
        return Decimal(digits.replace(",", ""))
    except InvalidOperation:
        raise ValueError(f"{digits} is no amount; write it as 10k, 2500 or 1.5m") from None


def _day(text: str, *, whole: bool) -> datetime:
    try:
        day = datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise ValueError(f"{text} is no day; write it as 2026-03-02") from None
    return day + timedelta(days=1) if whole and len(text) == 10 else day


def _plain(word: str) -> str:
    return re.sub(r"[*?\[]", "?", word)


def answer(index: Index, query: Query, skip: int, limit: int) -> Answer:
    """The documents that a query names, the latest first."""
    where = query.where or "1"
    rows = index.rows(
        "select kind, id, supplier, facility, entity, amount, currency, state, at from documents "
        f"where {where} order by number desc limit ? offset ?",
        *query.values,
        limit + 1,
        skip,
    )
    [(count,)] = index.rows(f"select count(*) from (select 1 from documents where {where} limit ?)", *query.values, COUNTED)
    assert isinstance(count, int)
    return Answer(tuple(map(_row, rows[:limit])), count, skip + limit if len(rows) > limit else 0)


def _row(values: tuple[object, ...]) -> Row:
    kind, id, supplier, facility, entity, amount, currency, state, at = values
    assert isinstance(at, int)
    money = unscaled(amount, str(currency)) if isinstance(amount, int) else None
    return Row(str(kind), str(id), str(supplier), str(facility), str(entity), money, str(state), instant(at))


def completions(index: Index, line: str) -> tuple[str, ...]:
    """Search lines that the last part of this one may become."""
    before, _, part = line[:LINE_LETTERS].rpartition(" ")
    name, colon, begun = part.partition(":")
    if colon and name in (*COLUMNS, "po"):
        values: Iterable[str] = (f"{name}:{value}" for value in _known(index, name, begun))
    else:
        values = (
            name if name[-1] in "<>" else f"{name}:" for name in QUALIFIERS if name.startswith(part) and name.strip("<>") != part
        )
    return tuple(f"{before} {value}".strip() for value in values)[:OFFERED]


def _known(index: Index, name: str, begun: str) -> list[str]:
    column, table = (COLUMNS[name], "documents") if name in COLUMNS else ("purchase", "links")
    rows = index.rows(
        f"select distinct {column} from {table} where {column} >= ? and {column} < ? and {column} <> '' order by 1 limit ?",
        begun,
        begun + "\U0010ffff",
        OFFERED,
    )
    return [str(value) for (value,) in rows]

"""Figures: what the measures come to, in total, by part and by day, and how they are spread."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from msgspec import Struct

from suture.journal import Recorded
from suture.journal.rows import instant
from suture.kpis.kpi import FINEST, Kpi, hours
from suture.kpis.measures import DAY, PARTS, Measures, Narrowed, condition_of, number, sums_of

#: Shares, and hours, as they are shown.
_TENTH, _CENT = Decimal("0.1"), Decimal("0.01")
EVERYTHING = Narrowed()


class Figure(Struct, frozen=True, kw_only=True):
    """What one KPI comes to, in one currency ("" where it is not about money).

    ``number`` things were measured; their values come to ``sum``, their weights to ``weight``. ``value`` is None for nothing.
    ``share`` is what they add to the figure of the whole that they are a part of: the shares of all parts come to its value.
    ``p10`` to ``p95`` are percentiles of hours: the smallest value that so many in a hundred do not exceed.
    """

    currency: str = ""
    value: Decimal | None = None
    met: bool | None = None
    number: int = 0
    sum: Decimal = Decimal(0)
    weight: Decimal = Decimal(0)
    share: Decimal | None = None
    p10: Decimal | None = None
    p50: Decimal | None = None
    p90: Decimal | None = None
    p95: Decimal | None = None


class Day(Struct, frozen=True):
    """What a KPI came to on one day, hours as their mean; None where what was measured divides by nothing."""

    day: datetime
    currency: str
    value: Decimal | None
    number: int


def figure_of(
    kpi: Kpi, history: Iterable[Recorded], now: datetime, repeats: Mapping[str, int] | None = None
) -> tuple[Figure, ...]:
    """The figures of one KPI over a history, one for each currency; made anew, with nothing kept."""
    measures = Measures([kpi])
    for row in history:
        measures.enter(row)
    measures.came_again(repeats or {})
    return figures(measures, [kpi], EVERYTHING, now)[kpi.name]


def figures(measures: Measures, kpis: Iterable[Kpi], narrowed: Narrowed, now: datetime) -> dict[str, tuple[Figure, ...]]:
    """The figures of each KPI by name, one for each currency; none for one that has measured nothing."""
    where, values = condition_of(narrowed, "day")
    query = f"""select currency, sum(number), sum(value), sum(weight) from {sums_of(narrowed)}
    where kpi = ? and number > 0{where} group by 1"""
    found: dict[str, tuple[Figure, ...]] = {}
    for kpi in kpis:
        if kpi.unit == "hours":
            sizes = _sizes(measures, kpi, narrowed, now)
            found[kpi.name] = (_of_hours(kpi, sizes),) if sizes else ()
        else:
            found[kpi.name] = tuple(_of_sums(kpi, *row) for row in measures.rows(query, kpi.name, *values))
    return found


def parts(measures: Measures, kpi: Kpi, by: str, narrowed: Narrowed, now: datetime) -> dict[str, tuple[Figure, ...]]:
    """The figures of one KPI for each value of a part (``PARTS``), with their shares of the whole; numbers and sums add up to it.

    Raises KeyError for a part that does not exist.
    """
    if by not in PARTS:
        raise KeyError(by)
    if kpi.unit == "hours":
        return _parts_of_hours(measures, kpi, by, narrowed, now)
    where, values = condition_of(narrowed, "day")
    query = f"""select {by}, currency, sum(number), sum(value), sum(weight) from {sums_of(narrowed)}
    where kpi = ? and number > 0{where} group by 1, 2 order by 1, 2"""
    rows = measures.rows(query, kpi.name, *values)
    whole: dict[str, int] = {}
    for _, currency, _, _, weight in rows:
        whole[currency] = whole.get(currency, 0) + weight
    found: dict[str, tuple[Figure, ...]] = {}
    for part, currency, count, value, weight in rows:
        figure = _of_sums(kpi, currency, count, value, weight, whole[currency])
        found[part] = (*found.get(part, ()), figure)
    return found


def _parts_of_hours(measures: Measures, kpi: Kpi, by: str, narrowed: Narrowed, now: datetime) -> dict[str, tuple[Figure, ...]]:
    column, condition = ("since", "at is null and since is not null") if kpi.standing else ("value", "ranked")
    where, values = condition_of(narrowed, "" if kpi.standing else "at")
    found: dict[str, list[int]] = {}
    query = f"select {by}, {column} from measures where kpi = ? and {condition}{where}"
    for part, value in measures.rows(query, kpi.name, *values):
        found.setdefault(part, []).append(_stood(value, now) if kpi.standing else value)
    return {part: (_of_hours(kpi, sorted(sizes)),) for part, sizes in sorted(found.items())}


def days(measures: Measures, kpi: Kpi, narrowed: Narrowed, most: int | None = None) -> list[Day]:
    """What a KPI came to on each day on which it measured something, in order; of the last ``most`` days where given."""
    where, values = condition_of(narrowed, "day")
    if most is not None:
        where += " and day > (select max(day) from sums where kpi = ?) - ?"
        values += [kpi.name, most]
    query = f"""select day, currency, sum(number), sum(value), sum(weight) from sums
    where kpi = ? and number > 0{where} group by 1, 2 order by 1, 2"""
    found = []
    for day, currency, count, value, weight in measures.rows(query, kpi.name, *values):
        told = _mean(value, count) if kpi.unit == "hours" else _worth(kpi, value, weight)
        found.append(Day(instant(day * DAY), currency, told, count))
    return found


def spread_of(measures: Measures, kpi: Kpi, narrowed: Narrowed, now: datetime, most: int = 100) -> list[Decimal]:
    """The values of a KPI in hours, in order of size: every one, or ``most`` that stand for all, one for each equal share."""
    sizes = _sizes(measures, kpi, narrowed, now)
    if len(sizes) > most:
        sizes = [sizes[len(sizes) * step // most] for step in range(most)]
    return [number(size) for size in sizes]


def percentile(ordered: Sequence[int], percent: int) -> int:
    """The nearest rank: the smallest value that at least ``percent`` in a hundred do not exceed; raises IndexError for none."""
    return ordered[max(0, -(-percent * len(ordered) // 100) - 1)]


def _sizes(measures: Measures, kpi: Kpi, narrowed: Narrowed, now: datetime) -> list[int]:
    """Every value of a KPI in hours as it is stored, in order of size: a long history has too many for a number of each."""
    asked = kpi.name, narrowed, now
    if asked not in measures.ordered:
        where, values = condition_of(narrowed, "" if kpi.standing else "at")
        column, condition = ("since", "at is null and since is not null") if kpi.standing else ("value", "ranked")
        order = "since desc" if kpi.standing else "value"
        rows = measures.rows(
            f"select {column} from measures where kpi = ? and {condition}{where} order by {order}", kpi.name, *values
        )
        measures.ordered[asked] = [_stood(value, now) if kpi.standing else value for (value,) in rows]
    return measures.ordered[asked]


def _stood(since: int, now: datetime) -> int:
    """For how long something has stood by now, as hours are stored."""
    return int(hours(instant(since), now) / FINEST)


def _of_hours(kpi: Kpi, sizes: Sequence[int]) -> Figure:
    p10, p50, p90, p95 = (number(percentile(sizes, each)).quantize(_CENT, ROUND_HALF_UP) for each in (10, 50, 90, 95))
    met = p50 <= kpi.target if kpi.good == "down" else p50 >= kpi.target
    count = len(sizes)
    return Figure(
        value=p50, met=met, number=count, sum=number(sum(sizes)), weight=Decimal(count), p10=p10, p50=p50, p90=p90, p95=p95
    )


def _of_sums(kpi: Kpi, currency: str, count: int, value: int, weight: int, whole: int | None = None) -> Figure:
    worth = _worth(kpi, value, weight)
    met = None if worth is None else worth <= kpi.target if kpi.good == "down" else worth >= kpi.target
    share = _worth(kpi, value, whole) if whole is not None else None
    return Figure(currency=currency, value=worth, met=met, number=count, sum=number(value), weight=number(weight), share=share)


def _worth(kpi: Kpi, value: int, weight: int) -> Decimal | None:
    if kpi.unit == "money":
        return number(value).quantize(_CENT, ROUND_HALF_UP)
    times = 1000 if kpi.unit == "per_thousand" else 100
    return (Decimal(times * value) / weight).quantize(_TENTH, ROUND_HALF_UP) if weight else None


def _mean(value: int, count: int) -> Decimal:
    return (number(value) / count).quantize(_CENT, ROUND_HALF_UP)

"""Messages of partners that vanish unnoticed, on days with outages, repeats and crashes: which are missed, when, how rightly."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import timedelta
from multiprocessing import get_context
from statistics import median

from prove.part import Part, Result, Table, Task
from prove.silence import DAYS, GAP, RHYTHMS, Days, Found, by_kind, lived

WORKERS = 2
#: Runs of six days at each rate of loss, and runs in which one feed falls silent as a whole.
RARE, OFTEN = 0.001, 0.02
RUNS = {RARE: 40, OFTEN: 8}
CUT_RUNS = 8
RECALL, PRECISION = 0.99, 0.95


def run(task: Task) -> Result:
    """Live through all the days."""
    rates = {rate: Days() for rate in RUNS}
    cut = Days()
    jobs = [(seed, rate, "") for rate, runs in RUNS.items() for seed in range(task.of(runs))]
    jobs += [(seed, 0.0, list(RHYTHMS)[seed % len(RHYTHMS)]) for seed in range(task.of(CUT_RUNS, least=2))]
    for done, (job, days) in enumerate(_lived(jobs), 1):
        (cut if job[2] else rates[job[1]]).join(days)
        lost, found = sum(each.lost for each in rates.values()), sum(each.in_time for each in rates.values())
        task.tell(f"{done} of {len(jobs)} runs, {lost} messages lost, {found} of them missed in time")
    return judged(rates, cut)


def _lived(jobs: list[tuple[int, float, str]]) -> Iterator[tuple[tuple[int, float, str], Days]]:
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(lived, *job): job for job in jobs}
        for future in as_completed(waiting):
            yield waiting[future], future.result()


def judged(rates: dict[float, Days], cut: Days) -> Result:
    """Held if at each rate enough was missed in time and rightly, and every silent feed was told."""
    total = Days()
    for days in (*rates.values(), cut):
        total.join(days)
    held = all(_recall(days) >= RECALL and _precision(days) >= PRECISION for days in rates.values())
    return Result(
        held=held and cut.cut_found == cut.cut > 0 and not cut.false_silences,
        lines=tuple(_lines(total, cut)),
        tables=(_rates(rates), _kinds([one for days in rates.values() for one in days.found])),
        figures={
            "messages": total.messages,
            "lost": total.lost,
            "missed_in_time": total.in_time,
            "false_alarms": total.false_numbers + total.false_silences,
            "feeds_cut": cut.cut,
            "feeds_cut_found": cut.cut_found,
            **{f"recall_{_one_in(rate)}": _recall(days) for rate, days in rates.items()},
            **{f"precision_{_one_in(rate)}": _precision(days) for rate, days in rates.items()},
        },
    )


def _recall(days: Days) -> float:
    return days.in_time / days.lost if days.lost else 1.0


def _precision(days: Days) -> float:
    told = days.missed + days.false_numbers + days.false_silences
    return days.missed / told if told else 1.0


def _one_in(rate: float) -> int:
    return round(1 / rate)


def _lines(total: Days, cut: Days) -> Iterator[str]:
    minutes = GAP // timedelta(minutes=1)
    yield (
        f"{total.messages:,} messages of partners on runs of {DAYS} days, with repeats, late messages, lost answers, crashes and "
        f"outages; {total.lost} of them vanished while their senders were told that they had been accepted."
    )
    yield (
        f"In time means: within {minutes} minutes of the next message of the same feed, as its promise declares, to the minute "
        "in whose steps these days pass."
    )
    yield f"{cut.cut} times a whole feed fell silent for more than a day; {cut.cut_found} times that was told."
    yield f"The watch took {total.watching:,} of {total.decisions:,} decisions on these quiet days; on busy ones it takes fewer."


def _rates(rates: dict[float, Days]) -> Table:
    rows = tuple(
        (
            f"1 in {_one_in(rate):,}",
            f"{days.messages:,}",
            f"{days.lost:,}",
            f"{days.in_time:,}",
            f"{_recall(days):.1%}",
            f"{days.false_numbers + days.false_silences:,}",
            f"{_precision(days):.1%}",
        )
        for rate, days in rates.items()
    )
    return Table(
        title="Lost unnoticed, and missed",
        columns=("lost", "messages", "lost messages", "missed in time", "recall", "false alarms", "precision"),
        rows=rows,
    )


def _kinds(found: list[Found]) -> Table:
    rows = tuple(
        (kind, f"{len(lost)}", f"{sum(one.in_time for one in lost)}", _soon(lost), f"{sum(bool(one.expected) for one in lost)}")
        for kind, lost in by_kind(found)
    )
    return Table(
        title="By kind of message",
        columns=("kind", "lost", "missed in time", "hours until missed, median and most", "expected as well"),
        rows=rows,
    )


def _soon(lost: list[Found]) -> str:
    hours = [(one.missed - one.lost.at) / timedelta(hours=1) for one in lost if one.missed is not None]
    return f"{median(hours):.1f} and {max(hours):.1f}" if hours else "never"


PART = Part(name="silence", order=5, title="What never came is missed", minutes=15, run=run)

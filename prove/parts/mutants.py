"""The simulator can fail: bugs put into the engine one at a time, nearly all of which break a promise within its seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median

from prove.mutants import AREAS, Mutant
from prove.mutants.trial import REACH, Verdict, all_tried
from prove.part import Part, Result, Table, Task

#: The share of mutants that has to be caught.
LEAST = 0.95
#: Promises of any program at all; the others are those of the network, in the words of the business.
OF_ANY_PROGRAM = ("the runtime does not stop", "it comes to rest")


def run(task: Task) -> Result:
    """Try the engine as it is, on every seed that a hunt may come to, and then every mutant, or an even choice of them."""
    mutants = [mutant for area in AREAS.values() for mutant in area]
    chosen = _chosen(mutants, task.of(len(mutants)))
    sound = task.of(REACH)
    baseline, *verdicts = all_tried([(None, sound), *((mutant, 0) for mutant in chosen)], task.folder, task.tell)
    return _result(baseline, verdicts)


def _chosen(mutants: Sequence[Mutant], count: int) -> list[Mutant]:
    return [mutants[index * len(mutants) // count] for index in range(count)]


def _result(baseline: Verdict, verdicts: Sequence[Verdict]) -> Result:
    caught = [verdict for verdict in verdicts if verdict.caught]
    clean = not baseline.caught and not baseline.senseless
    senseless = [verdict for verdict in verdicts if verdict.senseless]
    return Result(
        held=clean and not senseless and len(caught) >= LEAST * len(verdicts),
        lines=tuple(_lines(baseline, verdicts, caught)),
        tables=(_by_area(verdicts), _by_promise(caught), _survivors(verdicts), _all(verdicts)),
        figures={
            "mutants": len(verdicts),
            "caught": len(caught),
            "survivors": len(verdicts) - len(caught) - len(senseless),
            "median_seeds": median([verdict.tried for verdict in caught] or [0]),
            "sound_seeds": baseline.tried if clean else 0,
        },
    )


def _lines(baseline: Verdict, verdicts: Sequence[Verdict], caught: Sequence[Verdict]) -> Iterator[str]:
    seeds = sorted(verdict.tried for verdict in caught)
    at_once = sum(count == 1 for count in seeds)
    yield f"{len(caught)} of {len(verdicts)} bugs broke a promise, {at_once} of them with the first seed that was tried."
    plain = Counter(verdict.promise for verdict in caught if verdict.promise in OF_ANY_PROGRAM)
    for promise, count in plain.items():
        yield f"{count} of them did so in a way that any program shows: {promise!r} was broken. No other judge was asked."
    if baseline.caught or baseline.senseless:
        yield f"Without a bug something is wrong: {baseline.senseless or baseline.promise} (seed {baseline.seed})."
    else:
        yield f"Without a bug the same {baseline.tried} seeds break no promise."
    for verdict in verdicts:
        if verdict.senseless:
            yield f"Could not be tried: {_name(verdict)}: {verdict.senseless}"


def _by_area(verdicts: Sequence[Verdict]) -> Table:
    rows = []
    for area, mutants in AREAS.items():
        mine = [verdict for verdict in verdicts if verdict.mutant in mutants]
        caught = [verdict.tried for verdict in mine if verdict.caught]
        counts = (len(mine), len(caught), len(mine) - len(caught), round(median(caught or [0])), max(caught, default=0))
        rows.append((area, *(f"{count:,}" for count in counts)))
    columns = ("area", "bugs", "caught", "survive", "seeds until caught, median", "most")
    return Table(title="Bugs by area", columns=columns, rows=tuple(rows))


def _by_promise(caught: Sequence[Verdict]) -> Table:
    counts = Counter(verdict.promise for verdict in caught)
    rows = tuple((promise, f"{count:,}") for promise, count in counts.most_common())
    return Table(title="The promise that broke first", columns=("promise", "bugs"), rows=rows)


def _survivors(verdicts: Sequence[Verdict]) -> Table:
    rows = tuple(
        (_name(verdict), verdict.mutant.survives or "not explained", f"{verdict.tried:,}")
        for verdict in verdicts
        if verdict.mutant is not None and not verdict.caught and not verdict.senseless
    )
    return Table(title="Survivors", columns=("bug", "why no simulated week can tell", "seeds"), rows=rows)


def _all(verdicts: Sequence[Verdict]) -> Table:
    rows = tuple(
        (area, _name(verdict), verdict.promise, f"{verdict.tried:,}")
        for area, mutants in AREAS.items()
        for verdict in verdicts
        if verdict.mutant in mutants and verdict.caught
    )
    return Table(title="Every bug that was caught", columns=("area", "bug", "the promise that broke first", "seeds"), rows=rows)


def _name(verdict: Verdict) -> str:
    return verdict.mutant.name if verdict.mutant else "the engine as it is"


PART = Part(
    name="mutants",
    order=2,
    title="The simulator must be able to fail",
    minutes=40,
    run=run,
)

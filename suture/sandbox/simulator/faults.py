"""What goes wrong in one simulated run: a list of faults drawn from a seed before the run begins, so that it can be shrunk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from random import Random

from msgspec import Struct

from suture.sandbox.group import MORNING

#: What may strike at a commit of the journal, at a request of ours, and at a message of a partner.
AT_COMMIT = ("crash before a write", "crash after a write", "disk full", "write in doubt")
AT_REQUEST = (
    "request lost",
    "reply lost",
    "connection refused",
    "too many requests",
    "wrong answer",
    "error after acting",
    "replies lost for a while",
)
AT_LETTER = ("sent twice", "delayed", "answer lost", "poisoned message", "crash at arrival")
#: What happens at a time, whatever else goes on.
AT_TIME = (
    "partner refuses",
    "partner busy",
    "partner silent",
    "partner swallows replies",
    "clock jump",
    "operator",
    "policy change",
)
KINDS = (*AT_COMMIT, *AT_REQUEST, *AT_LETTER, *AT_TIME)
OUTAGES = AT_TIME[:4]
#: No run of this size comes further than this.
COMMITS, REQUESTS, LETTERS = 6000, 3000, 1500


class Fault(Struct, frozen=True, kw_only=True):
    """One thing that goes wrong: at the ``at``-th commit, request or message, or ``minute`` minutes into the run."""

    kind: str
    at: int = 0
    minute: int = 0
    #: How long it lasts, in minutes, or in commits where the disk is full.
    lasts: int = 0
    #: A number from which it draws whatever else it needs.
    chance: int = 0

    def __str__(self) -> str:
        place = f"#{self.at}" if self.at else f"{MORNING + timedelta(minutes=self.minute):%d %b %H:%M}"
        return f"{self.kind} {place}" + (f" for {self.lasts}" if self.lasts else "")


class Scenario(Struct, frozen=True):
    """How often each kind strikes: per commit, per request, per message, and per day for what happens at a time."""

    name: str
    rates: Mapping[str, float]


def _of(kinds: Iterable[str], rate: float) -> dict[str, float]:
    return dict.fromkeys(kinds, rate)


SCENARIOS = (
    Scenario("power cuts", {**_of(AT_COMMIT[:2], 0.015), "crash at arrival": 0.03}),
    Scenario("bad lines", {**_of(AT_REQUEST[:6], 0.012), "replies lost for a while": 0.002, **_of(AT_LETTER, 0.03)}),
    Scenario("partners away", {**_of(OUTAGES, 0.4), "reply lost": 0.02, "operator": 6.0, "crash after a write": 0.003}),
    Scenario("a bad disk", {"disk full": 0.003, "write in doubt": 0.01, "crash before a write": 0.004, "reply lost": 0.01}),
    Scenario("busy people", {"operator": 30.0, "policy change": 1.0, "poisoned message": 0.05, "connection refused": 0.03}),
    Scenario(
        "everything",
        {
            **_of(AT_COMMIT, 0.004),
            **_of(AT_REQUEST[:6], 0.006),
            "replies lost for a while": 0.001,
            **_of(AT_LETTER, 0.02),
            **_of(OUTAGES, 0.2),
            "clock jump": 0.15,
            "operator": 6.0,
            "policy change": 0.3,
        },
    ),
)


def schedule(scenario: Scenario, seed: int, days: int) -> tuple[Fault, ...]:
    """All faults of a run."""
    chance = Random(f"faults/{seed}")
    found: list[Fault] = []
    for kinds, most in ((AT_COMMIT, COMMITS), (AT_REQUEST, REQUESTS), (AT_LETTER, LETTERS)):
        for kind in kinds:
            found += _counted(chance, kind, scenario.rates.get(kind, 0.0), most)
    for kind in AT_TIME:
        found += _timed(chance, kind, scenario.rates.get(kind, 0.0), days)
    return tuple(found)


def _counted(chance: Random, kind: str, rate: float, most: int) -> list[Fault]:
    found: list[Fault] = []
    at = 0.0
    while rate and (at := at + max(1.0, chance.expovariate(rate))) < most:
        found.append(Fault(kind=kind, at=int(at), lasts=_lasting(chance, kind), chance=chance.getrandbits(30)))
    return found


def _timed(chance: Random, kind: str, rate: float, days: int) -> list[Fault]:
    found: list[Fault] = []
    day = 0.0
    while rate and (day := day + chance.expovariate(rate)) < days:
        lasts = chance.choice((30, 120, 480, 2880)) if kind in OUTAGES else chance.choice((30, 180, 1500))
        found.append(
            Fault(
                kind=kind,
                minute=int(day * 1440),
                lasts=lasts if kind in (*OUTAGES, "clock jump") else 0,
                chance=chance.getrandbits(30),
            )
        )
    return found


def _lasting(chance: Random, kind: str) -> int:
    """How many commits a disk stays full, requests a line swallows replies, or minutes a message is late."""
    match kind:
        case "disk full":
            return chance.randint(1, 12)
        case "replies lost for a while":
            return chance.randint(5, 40)
        case "delayed":
            return chance.choice((7, 90, 600, 3000))
    return 0


class Weather:
    """The faults of a run as they strike: asked at every commit, request and message; counts what has really struck."""

    def __init__(self, faults: Iterable[Fault], ends: datetime) -> None:
        self.ends = ends
        self.struck: Counter[str] = Counter()
        self._counted: dict[tuple[str, int], list[Fault]] = {}
        self.timed = [fault for fault in faults if fault.kind in AT_TIME]
        for fault in faults:
            group = _group(fault.kind)
            if group:
                self._counted.setdefault((group, fault.at), []).append(fault)
        self._numbers: Counter[str] = Counter()

    def next(self, group: str, now: datetime) -> list[Fault]:
        """What strikes at the next of a group (commit, request, letter); nothing after the faults have ended."""
        self._numbers[group] += 1
        return self._counted.get((group, self._numbers[group]), []) if now < self.ends else []

    def number(self, group: str) -> int:
        """How many of a group there have been."""
        return self._numbers[group]


def _group(kind: str) -> str:
    groups = {"commit": AT_COMMIT, "request": AT_REQUEST, "letter": AT_LETTER}
    return next((name for name, kinds in groups.items() if kind in kinds), "")

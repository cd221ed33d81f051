"""What goes wrong in one simulated run: a list of faults drawn from a seed before the run begins, so that it can be shrunk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from random import Random

from msgspec import Struct

from suture.sandbox.group import MORNING

#: What may strike at a commit of the journal, at a request of ours, at a message of a partner, and when a partner looks
#: into the folder in which we leave files for it.
AT_COMMIT = (
    "crash before a write",
    "crash after a write",
    "disk full",
    "write in doubt",
    "torn write",
    "torn checkpoint",
    "unsynced write lost",
)
AT_REQUEST = (
    "request lost",
    "reply lost",
    "connection refused",
    "too many requests",
    "wrong answer",
    "error after acting",
    "replies lost for a while",
    "crash before a request",
    "crash before the reply",
    "crash after the reply",
)
AT_LETTER = (
    "sent twice",
    "delayed",
    "overtaken",
    "cut in two",
    "batch cut in two",
    "acknowledgement withheld",
    "answer lost",
    "poisoned message",
    "crash at arrival",
)
AT_FOLDER = ("files taken in part", "files taken out of order", "file taken twice")
#: What happens at a time, whatever else goes on.
AT_TIME = (
    "partner refuses",
    "partner busy",
    "partner silent",
    "partner swallows replies",
    "schema drift",
    "clock jump",
    "clock set back",
    "operator",
    "policy change",
    "crosswalk change",
    "upgrade",
)
#: What is counted, the kinds that strike there, and how far no run of this size comes.
COUNTED = {
    "commit": (AT_COMMIT, 6000),
    "request": (AT_REQUEST, 3000),
    "letter": (AT_LETTER, 1500),
    "folder": (AT_FOLDER, 1500),
}
_GROUPS = {kind: name for name, (kinds, _) in COUNTED.items() for kind in kinds}
KINDS = (*AT_COMMIT, *AT_REQUEST, *AT_LETTER, *AT_FOLDER, *AT_TIME)
OUTAGES = AT_TIME[:4]
#: A counterpart that does nothing at all: it answers nothing, says nothing and looks into no folder. A drill's, not chance's.
GONE = "partner gone"
#: How long what happens at a time lasts, in minutes; how far clocks jump.
LASTING = {
    **dict.fromkeys(OUTAGES, (30, 120, 480, 2880)),
    "schema drift": (240, 1440, 4320),
    "clock jump": (30, 180, 1500),
    "clock set back": (1, 30, 180),
    "crosswalk change": (60, 600, 2880),
    "upgrade": (60, 600, 2880),
}


class Fault(Struct, frozen=True, kw_only=True):
    """One thing that goes wrong: at the ``at``-th commit, request, message or look into a folder, or at a minute of the run."""

    kind: str
    at: int = 0
    minute: int = 0
    #: How long it lasts, in minutes, or in commits where the disk is full.
    lasts: int = 0
    #: A number from which it draws whatever else it needs.
    chance: int = 0
    #: The instance that it strikes, where that is not left to chance.
    whom: str = ""

    def __str__(self) -> str:
        place = f"#{self.at}" if self.at else f"{MORNING + timedelta(minutes=self.minute):%d %b %H:%M}"
        return f"{self.kind} {place}" + (f", {self.whom}" if self.whom else "") + (f" for {self.lasts}" if self.lasts else "")


class Scenario(Struct, frozen=True):
    """How often each kind strikes: per commit, request, message and look into a folder, and per day if it happens at a time."""

    name: str
    rates: Mapping[str, float]


def _of(kinds: Iterable[str], rate: float) -> dict[str, float]:
    return dict.fromkeys(kinds, rate)


SCENARIOS = (
    Scenario("power cuts", {**_of(AT_COMMIT[:2], 0.015), **_of(AT_REQUEST[7:], 0.008), "crash at arrival": 0.03, "upgrade": 0.4}),
    Scenario(
        "bad lines",
        {**_of(AT_REQUEST[:6], 0.012), "replies lost for a while": 0.002, **_of(AT_LETTER, 0.03), **_of(AT_FOLDER, 0.05)},
    ),
    Scenario(
        "partners away",
        {**_of(OUTAGES, 0.4), "schema drift": 0.5, "reply lost": 0.02, "operator": 6.0, "crash after a write": 0.003},
    ),
    Scenario("a bad disk", {"disk full": 0.003, "write in doubt": 0.01, "crash before a write": 0.004, "reply lost": 0.01}),
    Scenario(
        "busy people",
        {
            "operator": 30.0,
            "policy change": 1.0,
            "crosswalk change": 1.0,
            "upgrade": 0.4,
            "poisoned message": 0.05,
            "connection refused": 0.03,
        },
    ),
    Scenario(
        "everything",
        {
            **_of(AT_COMMIT[:4], 0.004),
            **_of(AT_REQUEST[:6], 0.006),
            **_of(AT_REQUEST[7:], 0.002),
            "replies lost for a while": 0.001,
            **_of(AT_LETTER, 0.02),
            **_of(AT_FOLDER, 0.02),
            **_of(OUTAGES, 0.2),
            "schema drift": 0.2,
            "clock jump": 0.15,
            "clock set back": 0.15,
            "operator": 6.0,
            "policy change": 0.3,
            "crosswalk change": 0.3,
            "upgrade": 0.15,
        },
    ),
)
#: The journal is a real SQLite file, and what was not synced when the power failed is lost or torn.
TORN = Scenario(
    "a torn file",
    {**_of(AT_COMMIT[4:], 0.02), **_of(AT_COMMIT[:2], 0.01), **_of(("crash after the reply", "reply lost", "sent twice"), 0.01)},
)


def schedule(scenario: Scenario, seed: int, days: int) -> tuple[Fault, ...]:
    """All faults of a run; each kind is drawn on its own, so that another kind changes nothing for it."""
    found: list[Fault] = []
    for kind, rate in scenario.rates.items():
        chance = Random(f"faults/{seed}/{kind}")
        if kind in AT_TIME:
            found += _timed(chance, kind, rate, days)
        else:
            found += _counted(chance, kind, rate, COUNTED[group_of(kind)][1])
    return tuple(found)


def group_of(kind: str) -> str:
    """At what this kind strikes: commit, request, letter or folder; "" if it happens at a time."""
    return _GROUPS.get(kind, "")


def _counted(chance: Random, kind: str, rate: float, most: int) -> list[Fault]:
    found: list[Fault] = []
    at = 0.0
    while (at := at + max(1.0, chance.expovariate(rate))) < most:
        found.append(Fault(kind=kind, at=int(at), lasts=_lasting(chance, kind), chance=chance.getrandbits(30)))
    return found


def _timed(chance: Random, kind: str, rate: float, days: int) -> list[Fault]:
    found: list[Fault] = []
    day = 0.0
    while (day := day + chance.expovariate(rate)) < days:
        lasts = chance.choice(LASTING.get(kind, (0,)))
        found.append(Fault(kind=kind, minute=int(day * 1440), lasts=lasts, chance=chance.getrandbits(30)))
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
        self.timed = [fault for fault in faults if fault.kind in (*AT_TIME, GONE)]
        for fault in faults:
            if group := group_of(fault.kind):
                self._counted.setdefault((group, fault.at), []).append(fault)
        self._numbers: Counter[str] = Counter()

    def next(self, group: str, now: datetime) -> list[Fault]:
        """What strikes at the next of a group (commit, request, letter, folder); nothing after the faults have ended."""
        self._numbers[group] += 1
        return self._counted.get((group, self._numbers[group]), []) if now < self.ends else []

    def number(self, group: str) -> int:
        """How many of a group there have been."""
        return self._numbers[group]

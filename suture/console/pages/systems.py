"""Systems: for each counterpart whether it is in reach, how it is sent to, what it was owed, how fast it takes it."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from suture.console.page import Ask, Page
from suture.console.pages.today import OUT_OF_REACH
from suture.console.queue import open_ones
from suture.model import Case
from suture.runtime.breakers import Trip, trips
from suture.runtime.pauses import Pause, pauses
from suture.runtime.policy import Ceiling
from suture.views.calls import Calls, Used
from suture.views.flows import Latency
from suture.views.ledger import balance

#: After so much silence a counterpart that has spoken is shown as silent; how long is usual for it, its feed's watch knows.
SILENT_AFTER = timedelta(days=1)


class Counterpart(Struct, frozen=True, kw_only=True):
    """One counterpart. ``out_since`` and ``case`` tell of the outage that the journal knows; None and "" while there is none.

    ``done``, ``refused``, ``parked`` and ``cancelled`` are what became of the deliveries ``owed`` to it; ``open`` are the rest.
    ``declared`` is whether the network file that the console was given names it.
    """

    name: str
    declared: bool
    pause: Pause
    breaker: Trip
    out_since: datetime | None
    case: str
    owed: int
    done: int
    refused: int
    parked: int
    cancelled: int
    open: int
    oldest: datetime | None
    heard: datetime | None
    silent: bool
    taken: datetime | None
    latency: Latency | None
    #: None where no network file says what it may be called.
    quota: Quota | None


class Quota(Struct, frozen=True, kw_only=True):
    """What a counterpart may be called, as its network file or its system says, and what of that is used.

    ``window_s`` is the length in seconds of the window in which ``most`` calls may be made.
    """

    rate_per_s: float
    window_s: float
    most: int
    under_way: int
    used: Used

    def within(self, seconds: float) -> int:
        """How many calls may be made in so many seconds."""
        return max(self.most, int(self.rate_per_s * seconds))


class Systems(Struct, frozen=True):
    """Every counterpart that was owed something, has said something, or is declared; those that need somebody first."""

    counterparts: tuple[Counterpart, ...]


def load(ask: Ask) -> Systems:
    """No query."""
    told, outages = balance(ask.books, now=ask.now), outages_of(ask)
    names = sorted({*told.by_instance, *ask.trail.heard, *ask.wiring.instances, *outages})
    known, breakers = pauses(ask.wiring, names), trips(ask.wiring, names)
    with ask.figures() as kept:
        latencies = {name: kept.flows.latency(name) for name in names}
        quotas = quotas_of(ask, kept.calls)
    oldest = {item.instance: item.oldest for item in sorted(told.open_items, key=lambda item: item.oldest, reverse=True)}
    counterparts = []
    for name in names:
        counts, outage, heard = told.by_instance.get(name, {}), outages.get(name), ask.trail.heard.get(name)
        ends = {end: counts.get(end, 0) for end in ("done", "refused", "parked", "cancelled")}
        counterparts.append(
            Counterpart(
                name=name,
                declared=name in ask.wiring.instances,
                pause=known.get(name, Pause()),
                breaker=breakers.get(name, Trip()),
                out_since=outage.at if outage else None,
                case=outage.id if outage else "",
                owed=counts.get("owed", 0),
                **ends,
                open=counts.get("owed", 0) - sum(ends.values()),
                oldest=oldest.get(name),
                heard=heard,
                silent=heard is not None and ask.now - heard > SILENT_AFTER,
                taken=ask.trail.taken.get(name),
                latency=latencies[name],
                quota=quotas.get(name),
            )
        )
    return Systems(tuple(sorted(counterparts, key=lambda one: (not one.case, one.pause.phase == "running", one.name))))


def quotas_of(ask: Ask, calls: Calls) -> dict[str, Quota]:
    """What each counterpart of the network file may be called, and what of that is used."""
    under_way = {row.instance: row.count for row in ask.journal.backlog() if row.status == "sending"}
    found = {}
    for name, instance in ask.wiring.instances.items():
        ceiling = Ceiling(instance.rate_per_s or ask.wiring.system(instance).rate_per_s)
        found[name] = Quota(
            rate_per_s=ceiling.rate,
            window_s=ceiling.within.total_seconds(),
            most=ceiling.most,
            under_way=under_way.get(name, 0),
            used=calls.used(name, ask.now, ceiling.within),
        )
    return found


def outages_of(ask: Ask) -> dict[str, Case]:
    """The open outage of each counterpart that is out of reach."""
    open_cases = (row.case for row in open_ones(ask) if row.case.reason == OUT_OF_REACH)
    return {ref.id: case for case in open_cases for ref in case.objects}


PAGE = Page(path="/systems", title="Systems", allow="systems.read", section="Run", rank=20, load=load, template="systems.html")

"""A program of its own: simulate weeks with the ``suture`` that it finds until one breaks a promise, and tell which.

Every second round of seeds is a rough week: partners err far more often than they do in life, so that what is rare happens in
a handful of small weeks. Arguments: the number of seeds, and the scenarios to try first. It writes one JSON object.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from types import FrameType

from msgspec import structs

from suture.model import Usage
from suture.sandbox.day import Need, usages
from suture.sandbox.group import MORNING, Group
from suture.sandbox.simulator import run, world
from suture.sandbox.simulator.plan import Plan, plan_of
from suture.sandbox.simulator.world import World
from suture.sandbox.still import Perform
from suture.transports import NoReply, NotSent, Reply, Request

#: So many seeds in a row are usual weeks, and as many rough ones follow.
ROUND = 6
#: Requests that a line stays broken for.
BROKEN = 3
#: When a usage turns out to be a mistake, and how long a supplier does not look into its inbox.
LATER, SILENT = timedelta(hours=7), timedelta(days=4)
#: How much further the seeds of the likely scenarios go.
DEEPER = 4
#: Processor time after which a seed is taken never to end; a usual one needs less than one second.
ENDLESS_S = 15
#: Memory that a run may take; a usual one needs a twentieth of it.
MEMORY_BYTES = 4 << 30


class Endless(BaseException):
    """This seed does not come to an end. No handler of the runtime may catch it."""


class RoughWorld(World):
    """A week in which partners deviate, err and repeat themselves often, lines break, an ERP lacks a vendor for a day."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        stage = self.stage
        self.lines.links |= {name: breaking(perform) for name, perform in self.lines.links.items()}
        stage.bank.reject_rate, stage.bank.return_rate, stage.bank.repeat_rate = 0.15, 0.15, 0.2
        stage.ap.desk.overreach_rate = stage.procurement.desk.overreach_rate = 0.3
        stage.ap.desk.reject_rate = stage.procurement.desk.reject_rate = 0.15
        for supplier in stage.suppliers.values():
            supplier.habits = structs.replace(
                supplier.habits,
                reject_line=0.08,
                backorder=0.1,
                price_change=0.12,
                split=0.3,
                early_invoice=0.3,
                overcharge=0.2,
                overbill=0.15,
                duplicate_invoice=0.15,
                portal_too=0.15,
                repeat_file=0.2,
                credit=0.25,
            )
        erp = stage.erps["erp-north"]
        vendor = sorted(erp.vendors)[plan.seed % len(erp.vendors)]
        self._confuse_people()
        silent = list(stage.suppliers.values())[plan.seed % len(stage.suppliers)]
        self.agenda.at(MORNING, lambda now: setattr(silent, "closed_until", now + SILENT))
        self.agenda.at(MORNING + SILENT, lambda now: setattr(silent, "closed_until", None))
        self.agenda.at(MORNING, lambda now: erp.vendors.discard(vendor))
        self.agenda.at(MORNING + timedelta(days=1), lambda now: erp.vendors.add(vendor))
        for inventory in stage.inventories.values():
            inventory.mishaps = structs.replace(inventory.mishaps, short=0.1, over=0.1, wrong_place=0.1, reversed=0.25)

    def _confuse_people(self) -> None:
        """The desks believe that somebody has more authority than the group gave them; few people decide all exceptions."""
        stage, group = self.stage, self.people.group
        least, most = group.people[0], group.people[-1]
        for desk in (stage.ap.desk, stage.procurement.desk):
            roles = tuple(dict.fromkeys(role for person in group.people for role in person.roles))
            desk.people = (*desk.people, structs.replace(least, roles=roles, limit=most.limit))
        able = [person for person in group.people if "cfo" in person.roles]
        self.people.group = structs.replace(group, people=tuple(able[:2]), requesters=group.requesters[:1])


def breaking(perform: Perform) -> Perform:
    """A line that stays broken for a few requests after a reply was lost on it."""
    broken = 0

    def performed(request: Request) -> Reply:
        nonlocal broken
        if broken:
            broken -= 1
            raise NotSent("connection refused")
        try:
            return perform(request)
        except NoReply:
            broken = BROKEN
            raise

    return performed


def order_of(seeds: int, scenarios: list[str]) -> list[int]:
    """The seeds, those of these scenarios first, and further seeds of these scenarios last."""
    likely = [seed for seed in range(seeds * DEEPER) if plan_of(seed).scenario in scenarios]
    first, last = [seed for seed in likely if seed < seeds], [seed for seed in likely if seed >= seeds]
    return [*first, *(seed for seed in range(seeds) if seed not in likely), *last]


def one_shelf(group: Group, seed: int, count: int) -> Iterator[Need]:
    """The usages of a rough week: all of one item in one place, so that a shelf runs low and is filled again.

    In every second of these weeks they turn out to be mistakes, so that what was ordered for them is called back.
    """
    first: Usage | None = None
    for need in usages(group, seed, count):
        assert isinstance(need.document, Usage)
        first = first or need.document
        used = structs.replace(need.document, item=first.item, place=first.place)
        here = structs.replace(need, document=used, facility=first.place.split("-")[0])
        yield here
        if seed % 2 and used.kind == "used":
            yield structs.replace(
                here, at=need.at + LATER, document=structs.replace(used, id=f"{used.id}-C", kind="cancelled", reverses=used.id)
            )


def found_in(seed: int) -> tuple[str, str] | None:
    """The first promise that this seed's week breaks, and what was seen."""
    rough = seed // ROUND % 2 == 1
    plan = structs.replace(plan_of(seed), requisitions=6, usages=9 if rough else 4)
    # the seams: what ``simulate`` walks through, and what is used in its week
    vars(run)["World"] = RoughWorld if rough else World
    vars(world)["usages"] = one_shelf if rough else usages
    signal.setitimer(signal.ITIMER_PROF, ENDLESS_S)
    try:
        broken = run.simulate(plan)[0].violations
    except Endless:
        return "it comes to rest", f"not within {ENDLESS_S} s of processor time"
    except MemoryError:
        return "it comes to rest", "not within its memory"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return (broken[0].promise, broken[0].text) if broken else None


def _endless(number: int, frame: FrameType | None) -> None:
    raise Endless


def main(arguments: list[str]) -> None:
    """Hunt through the seeds."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    signal.signal(signal.SIGPROF, _endless)
    began = time.monotonic()
    told: dict[str, object] = {"promise": ""}
    for seed in order_of(int(arguments[0]), arguments[1:]):
        found = found_in(seed)
        if found is not None:
            told = {"promise": found[0], "text": found[1][:500], "seed": seed}
            break
    sys.stdout.write(json.dumps({**told, "seconds": round(time.monotonic() - began, 2)}))


if __name__ == "__main__":
    main(sys.argv[1:])

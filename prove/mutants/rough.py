"""A rough week: partners err far more often than they do in life, lines and disks fail at the worst moment, so that what is rare
happens in a handful of small weeks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal

from msgspec import structs

from suture.journal import Committed, Unavailable, Unit
from suture.model import Usage
from suture.sandbox.day import Need, usages
from suture.sandbox.group import MORNING, Group
from suture.sandbox.simulator.plan import Plan
from suture.sandbox.simulator.world import World
from suture.sandbox.still import Perform
from suture.transports import NoReply, NotSent, Reply, Request

#: Requests that a line stays broken for.
BROKEN = 3
#: When a usage turns out to be a mistake, how long a supplier does not look into its inbox, and how long a dock does not count
#: again what it took back.
LATER, SILENT, UNCOUNTED = timedelta(hours=7), timedelta(days=4), timedelta(days=14)
#: Overcharging that is more than the tolerance in money and less than the one in percent.
A_LITTLE = Decimal("1.5")


class RoughWorld(World):
    """A week in which partners deviate, err and repeat themselves often, lines break, an ERP lacks a vendor for a day."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.lines.links |= {name: breaking(perform) for name, perform in self.lines.links.items()}
        self._fail_at_outages()
        self._confuse_suppliers()
        self._confuse_docks()
        self._confuse_people()
        self._lack_a_vendor()

    def _confuse_suppliers(self) -> None:
        """In every second week they overcharge by little, in every third they bill more than was ordered half of the time."""
        stage, seed = self.stage, self.plan.seed
        stage.bank.reject_rate, stage.bank.return_rate, stage.bank.repeat_rate = 0.15, 0.15, 0.2
        for supplier in stage.suppliers.values():
            supplier.habits = structs.replace(
                supplier.habits,
                reject_line=0.08,
                backorder=0.1,
                price_change=0.12,
                split=0.3,
                early_invoice=0.3,
                overcharge=0.2,
                overcharge_percent=A_LITTLE if seed % 2 else supplier.habits.overcharge_percent,
                overbill=0.15 if seed % 3 else 0.5,
                duplicate_invoice=0.15,
                portal_too=0.15,
                repeat_file=0.2,
                credit=0.25,
                bills_as_answered=True,
            )
        silent = list(stage.suppliers.values())[seed % len(stage.suppliers)]
        self.agenda.at(MORNING, lambda now: setattr(silent, "closed_until", now + SILENT))
        self.agenda.at(MORNING + SILENT, lambda now: setattr(silent, "closed_until", None))

    def _confuse_docks(self) -> None:
        """In every second week they take long to count again, in every third they count too much half of the time."""
        seed = self.plan.seed
        for inventory in self.stage.inventories.values():
            inventory.mishaps = structs.replace(
                inventory.mishaps,
                short=0.1,
                over=0.1 if seed % 3 else 0.5,
                wrong_place=0.1,
                reversed=0.25,
                again_after=inventory.mishaps.again_after if seed % 2 else UNCOUNTED,
            )

    def _confuse_people(self) -> None:
        """The desks believe that somebody has more authority than the group gave them; few people decide all exceptions, and
        some of them count at the docks."""
        stage, group = self.stage, self.people.group
        least, most = group.people[0], group.people[-1]
        for desk in (stage.ap.desk, stage.procurement.desk):
            desk.overreach_rate, desk.reject_rate = 0.3, 0.15
            roles = tuple(dict.fromkeys(role for person in group.people for role in person.roles))
            desk.people = (*desk.people, structs.replace(least, roles=roles, limit=most.limit))
        able = [person for person in group.people if "cfo" in person.roles]
        requester = group.requesters[0]
        docks = (structs.replace(requester, id=f"dock-{number}") for number in (1, 2))
        self.people.group = structs.replace(group, people=tuple(able[:2]), requesters=(requester, *docks))

    def _lack_a_vendor(self) -> None:
        erp = self.stage.erps["erp-north"]
        vendor = sorted(erp.vendors)[self.plan.seed % len(erp.vendors)]
        self.agenda.at(MORNING, lambda now: erp.vendors.discard(vendor))
        self.agenda.at(MORNING + timedelta(days=1), lambda now: erp.vendors.add(vendor))

    def _fail_at_outages(self) -> None:
        """The disk is full in the very moment in which an outage begins or ends is to be written, once each time."""
        failed: set[tuple[str, int]] = set()
        write = self.disk.commit

        def commit(units: Sequence[Unit]) -> list[Committed]:
            words = {(state.key, state.version) for unit in units for state in unit.states if state.key.endswith("/out_of_reach")}
            if words - failed:
                failed.update(words)
                raise Unavailable("the disk is full")
            return write(units)

        vars(self.disk)["commit"] = commit


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

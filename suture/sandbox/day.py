"""The day of the group: who needs what when, and what is used in theatre, drawn from a seed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from msgspec import Struct, structs

from suture.model import Document, Item, Quantity, Requisition, RequisitionLine, Usage
from suture.sandbox.group import DEPARTMENTS, FACILITIES, MORNING, PROCEDURES, Group, cost_center

#: The working hours in which needs arise.
HOURS = 14


class Need(Struct, frozen=True, kw_only=True):
    """Something that happens at a time in one facility."""

    at: datetime
    facility: str
    document: Document


def requisitions(group: Group, seed: int, count: int) -> Iterator[Need]:
    """``count`` requisitions in our own codes; about one in twenty asks for something that policy forbids."""
    chance = Random(f"requisitions/{seed}")
    for number in range(1, count + 1):
        facility = chance.choice(list(FACILITIES))
        at = _moment(chance)
        lines = tuple(_line(group, chance, facility, index) for index in range(1, chance.choice((1, 1, 2, 2, 3)) + 1))
        yield Need(
            at=at,
            facility=facility,
            document=Requisition(
                id=f"REQ-{number:06d}",
                entity=FACILITIES[facility],
                facility=facility,
                ship_to=f"{facility}-DOCK",
                requester=chance.choice(group.requesters).id,
                requested_at=at,
                lines=lines,
                needed_by=(at + timedelta(days=chance.randint(2, 7))).date(),
                urgency=chance.choice(("routine",) * 17 + ("urgent", "urgent", "emergency")),
            ),
        )


def _moment(chance: Random) -> datetime:
    return MORNING + timedelta(minutes=chance.randint(0, HOURS * 60))


def _line(group: Group, chance: Random, facility: str, number: int) -> RequisitionLine:
    item = chance.choice(_odd(group) if chance.random() < 0.015 else _ordinary(group))
    basis = group.price_of[item.id].per.unit
    center_facility = facility if chance.random() > 0.015 else chance.choice(list(FACILITIES))
    return RequisitionLine(
        number=number,
        item=item.id,
        supplier=group.supplier_of[item.id],
        quantity=Quantity(Decimal(chance.randint(1, 12)), basis),
        cost_center=cost_center(center_facility, chance.choice(DEPARTMENTS)),
    )


def _ordinary(group: Group) -> list[Item]:
    return [item for item in group.items if item.id[-2:] < "10"]


def _odd(group: Group) -> list[Item]:
    """A blocked supplier's, one without a price, a retired one."""
    return [item for item in group.items if item.id[-2:] >= "10"]


def usages(group: Group, seed: int, count: int) -> Iterator[Need]:
    """``count`` usages in our own codes; some are corrected or cancelled later the same day."""
    chance = Random(f"usages/{seed}")
    usable = [id for id in group.used_items if id[-2:] < "10"][:18]
    number = 0
    while number < count:
        number += 1
        facility = chance.choice(list(FACILITIES))
        usage = _usage(group, chance, facility, chance.choice(usable), number)
        yield Need(at=usage.used_at, facility=facility, document=usage)
        luck = chance.random()
        if luck < 0.06 and number < count:
            number += 1
            kind = "cancelled" if luck < 0.03 else "corrected"
            yield Need(at=usage.used_at + timedelta(minutes=50), facility=facility, document=_amended(usage, kind, number))


def _usage(group: Group, chance: Random, facility: str, item: str, number: int) -> Usage:
    procedure, category = PROCEDURES[group.item(item).category]
    department = "OR" if category == "orthopaedics" else "CATH"
    return Usage(
        id=f"USE-{number:06d}",
        kind="used",
        item=item,
        quantity=Quantity(Decimal(chance.choice((1, 1, 1, 2))), group.item(item).unit),
        place=f"{facility}-{department}",
        used_at=_moment(chance),
        encounter=f"ENC{number:07d}",
        patient=f"MRN{chance.randint(1, 240):07d}",
        procedure=procedure,
        procedure_category=category,
        lot=f"L{chance.randint(10_000, 99_999)}",
        serial=f"SN{number:08d}" if group.item(item).implant else "",
    )


def _amended(usage: Usage, kind: str, number: int) -> Usage:
    quantity = Quantity(usage.quantity.value + 1, usage.quantity.unit) if kind == "corrected" else usage.quantity
    return structs.replace(
        usage,
        id=f"USE-{number:06d}",
        kind="corrected" if kind == "corrected" else "cancelled",
        reverses=usage.id,
        quantity=quantity,
    )

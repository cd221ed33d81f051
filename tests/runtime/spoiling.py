"""Hands that spoil what the twins hold, each knowing what a reconciliation must call it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from random import Random
from typing import Any

from msgspec import Struct, structs

from suture.sandbox.twins.erp import Booked
from tests.runtime.counterparts import Counterparts


class Spoiled(Struct, frozen=True):
    """One injected difference: where, how it must be called, and about what."""

    twin: str
    listing: str
    kind: str
    reference: str


#: The shelves of each twin: its list, the attribute, the field with our reference.
SHELVES: tuple[tuple[str, str, str, str], ...] = (
    ("erp", "orders", "orders", ""),
    ("erp", "receipts", "receipts", ""),
    ("erp", "invoices", "invoices", ""),
    ("erp", "payments", "payments", ""),
    ("ap", "orders", "orders", "poNumber"),
    ("ap", "receipts", "receipts", "receiptNumber"),
    ("ap", "remittances", "remittances", "payment"),
    ("procurement", "remittances", "remittances", "payment"),
)
#: States of things by their reference.
STATES: tuple[tuple[str, str, str], ...] = (
    ("ap", "invoices", "statuses"),
    ("procurement", "requisitions", "statuses"),
    ("procurement", "orders", "orders"),
    ("procurement", "invoices", "invoices"),
)


def snapshot(house: Counterparts) -> dict[tuple[str, str], Any]:
    """What every shelf holds."""
    kept = {(name, each): copy.deepcopy(getattr(house.twins[name], each)) for name, _, each, _ in SHELVES}
    kept |= {(name, each): copy.deepcopy(getattr(house.twins[name], each)) for name, _, each in STATES}
    return kept | {
        ("inventory", "expected"): copy.deepcopy(house.inventory.expected),
        ("erp", "changes"): list(house.erp.changes),
    }


def restore(house: Counterparts, kept: dict[tuple[str, str], Any]) -> None:
    """Put the shelves back as they were; the twins' own handlers hold on to the very objects."""
    for (name, attribute), content in kept.items():
        shelf = getattr(house.twins[name], attribute)
        shelf.clear()
        shelf.update(copy.deepcopy(content)) if isinstance(shelf, dict) else shelf.extend(copy.deepcopy(content))


def spoil(house: Counterparts, chance: Random) -> list[Spoiled]:
    """Up to a dozen differences, each about another reference of its shelf."""
    done: dict[tuple[str, str, str], Spoiled] = {}
    for _ in range(chance.randint(1, 12)):
        found = chance.choice((_row, _row, _row, _state, _expectation))(house, chance, set(done))
        if found is not None:
            done[found.twin, found.listing, found.reference] = found
    return list(done.values())


def _row(house: Counterparts, chance: Random, taken: set[tuple[str, str, str]]) -> Spoiled | None:
    twin, listing, attribute, field = chance.choice(SHELVES)
    shelf = getattr(house.twins[twin], attribute)
    place = chance.randrange(len(shelf)) if shelf else 0
    if not shelf or (twin, listing, _name(shelf[place], field)) in taken:
        return None
    row = shelf[place]
    hands: list[Callable[[], str | None]] = [
        lambda: _lose(shelf, place),
        lambda: _double(shelf, row),
        lambda: _amount(row),
        lambda: _quantity(row),
        lambda: _reverse(house, twin, listing, row),
    ]
    name = _name(row, field)
    if chance.random() < 0.15:
        name = f"OWN-{chance.randrange(10**9)}"
        shelf.append(_renamed(row, field, name))
        return Spoiled(twin, listing, "missing_here", name)
    kind = chance.choice(hands)()
    return Spoiled(twin, listing, kind, name) if kind else None


def _name(row: Any, field: str) -> str:
    return row.reference if isinstance(row, Booked) else str(row[field])


def _renamed(row: Any, field: str, name: str) -> Any:
    if isinstance(row, Booked):
        return structs.replace(row, number=f"99{name[-8:]}", reference=name, body=copy.deepcopy(row.body))
    return {**copy.deepcopy(row), field: name}


def _lose(shelf: list[Any], place: int) -> str:
    shelf.pop(place)
    return "missing_there"


def _double(shelf: list[Any], row: Any) -> str:
    shelf.append(copy.deepcopy(row))
    return "doubled"


def _body(row: Any) -> dict[str, Any]:
    body: dict[str, Any] = row.body if isinstance(row, Booked) else row
    return body


def _amount(row: Any) -> str | None:
    body = _body(row)
    for name in ("gross", "amount", "total"):
        if name in body:
            body[name] = {**body[name], "value": "13.37"}
            return "different_amount"
    if "netPrice" in body["lines"][0]:
        body["lines"][0]["netPrice"]["value"] = "77.70"
        return "different_amount"
    return None


def _quantity(row: Any) -> str | None:
    body = _body(row)
    if "lines" not in body:
        return None
    body["lines"][0]["quantity"]["qty"] = "3"
    return "different_lines"


def _reverse(house: Counterparts, twin: str, listing: str, row: Any) -> str | None:
    body = _body(row)
    if "reverses" in body:
        body["reverses"] = "GR-0"
    elif "kind" in body:
        body["kind"] = "credit"
    elif (twin, listing) == ("erp", "orders"):
        change = {"order": row.reference, "kind": "cancel", "lines": []}
        house.erp.changes.append(Booked(number="47", reference=f"{row.reference}/9", body=change))
    else:
        return None
    return "different_state"


def _state(house: Counterparts, chance: Random, taken: set[tuple[str, str, str]]) -> Spoiled | None:
    twin, listing, attribute = chance.choice(STATES)
    shelf = getattr(house.twins[twin], attribute)
    name = chance.choice(sorted(shelf))
    if (twin, listing, name) in taken:
        return None
    if chance.random() < 0.5:
        del shelf[name]
        return Spoiled(twin, listing, "missing_there", name)
    shelf[name].append({**shelf[name][-1], "state": "on hold"})
    return Spoiled(twin, listing, "different_state", name)


def _expectation(house: Counterparts, chance: Random, taken: set[tuple[str, str, str]]) -> Spoiled | None:
    shelf = house.inventory.expected
    name = chance.choice(sorted(shelf))
    if ("inventory", "expected receipts", name) in taken:
        return None
    match chance.choice(("lose", "old", "less", "own")):
        case "lose":
            del shelf[name]
            return Spoiled("inventory", "expected receipts", "missing_there", name)
        case "old":
            shelf[name] = {**shelf[name], "version": 0}
            return Spoiled("inventory", "expected receipts", "different_state", name)
        case "less":
            shelf[name]["lines"] = [{"line": 9, "sku": "GLOVE", "quantity": {"qty": "1", "uom": "EA"}}]
            return Spoiled("inventory", "expected receipts", "different_lines", name)
        case _:
            own = f"OWN-{chance.randrange(10**9)}"
            shelf[own] = {**copy.deepcopy(shelf[name]), "poNumber": own}
            return Spoiled("inventory", "expected receipts", "missing_here", own)

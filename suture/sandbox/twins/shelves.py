"""The shelves of an inventory's twin: what physically lies there, what its books say, and the counts that bring them together.

Nobody tells the twin what is on a shelf: goods are put there as the lorry brought them and taken as they were really used, while
the books follow what docks and Suture say. This is the truth that counts, stockouts and accuracy are held against.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from suture.model import CountedLine, InexactConversion, Item, Price, Quantity, StockCount, StockMovement, UnitMismatch

#: Positions that one night counts at most: those that moved since they were counted last, and then those not counted for longest.
COUNTED_MOST = 40


class Position(Struct, kw_only=True):
    """One item in one place, in its base unit; ``shelf`` below nothing is what was fetched from elsewhere meanwhile."""

    item: Item
    cost: Price
    book: Decimal
    shelf: Decimal
    #: When it was counted last, as a number of the count, and whether it was moved since.
    counted: int = 0
    moved: bool = False


class Tally(Struct, frozen=True, kw_only=True):
    """One position as the counter found it, for whoever counts again."""

    item: str
    place: str
    at: datetime
    shelf: Decimal
    book: Decimal


class Shelves:
    """All positions of one inventory."""

    def __init__(self, name: str) -> None:
        self.name, self.numbers = name.upper(), itertools.count(1)
        self.positions: dict[tuple[str, str], Position] = {}
        self.tallies: list[Tally] = []
        #: Item, place and time, each time that more was wanted than lay there.
        self.empty: list[tuple[str, str, datetime]] = []
        self._counts = 0

    def keep(self, item: Item, place: str, opening: Decimal, cost: Price) -> None:
        """A place keeps this item; books and shelf begin alike. ``cost`` is for base units."""
        self.positions[item.id, place] = Position(item=item, cost=cost, book=opening, shelf=opening)

    def put(self, item: str, place: str, quantity: Quantity) -> None:
        """Goods are put on the shelf."""
        position = self.positions.get((item, place))
        if position is not None:
            position.shelf += _pieces(position.item, quantity)
            position.moved = True

    def take(self, item: str, place: str, quantity: Quantity, now: datetime) -> None:
        """Somebody takes goods from the shelf, or fetches them from elsewhere where there are none."""
        position = self.positions.get((item, place))
        if position is not None:
            before = position.shelf
            position.shelf -= _pieces(position.item, quantity)
            position.moved = True
            if position.shelf < 0 <= before:
                self.empty.append((item, place, now))

    def book(self, item: str, place: str, quantity: Quantity, *, undo: bool = False) -> None:
        """The books are told of a receipt or a movement; ``undo`` takes it back."""
        position = self.positions.get((item, place))
        if position is not None:
            value = _pieces(position.item, quantity)
            position.book += -value if undo else value
            position.moved = True

    def count(self, now: datetime) -> Iterator[tuple[StockCount, list[StockMovement]]]:
        """Count the positions whose turn it is, place by place; the books are adjusted to what was found."""
        self._counts += 1
        turn = sorted(self.positions, key=lambda key: (not self.positions[key].moved, self.positions[key].counted, key))
        chosen = sorted(turn[:COUNTED_MOST], key=lambda key: key[::-1])
        for place, keys in itertools.groupby(chosen, key=lambda key: key[1]):
            id = f"{self.name}-CC-{next(self.numbers):06d}"
            lines = [(key[0], self._found(key, now)) for key in keys]
            sheet = StockCount(id=id, place=place, counted_at=now, counter="night-team", lines=tuple(line for _, line in lines))
            yield sheet, [_adjusted(sheet, line) for _, line in lines if line.counted != line.book]

    def _found(self, key: tuple[str, str], now: datetime) -> CountedLine:
        position, (item, place) = self.positions[key], key
        found, unit = max(Decimal(0), position.shelf), position.item.unit
        self.tallies.append(Tally(item=item, place=place, at=now, shelf=found, book=position.book))
        line = CountedLine(item=item, counted=Quantity(found, unit), book=Quantity(position.book, unit), cost=position.cost)
        position.book = position.shelf = found
        position.counted, position.moved = self._counts, False
        return line


def _pieces(item: Item, quantity: Quantity) -> Decimal:
    """In base units; a pack that the item does not come in is taken for as many pieces as it is packs."""
    try:
        return item.convert(quantity, item.unit).value
    except (UnitMismatch, InexactConversion):
        return quantity.value


def _adjusted(sheet: StockCount, line: CountedLine) -> StockMovement:
    return StockMovement(
        id=f"{sheet.id}/{line.item}",
        item=line.item,
        place=sheet.place,
        quantity=Quantity(line.counted.value - line.book.value, line.counted.unit),
        reason="adjustment",
        at=sheet.counted_at,
        cause=sheet.id,
    )

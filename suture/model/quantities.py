"""Money, quantities, prices and packaging levels, exact to the last digit."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from typing import Annotated

from msgspec import Meta, Struct

Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217 alphabetic code")]
Unit = Annotated[str, Meta(min_length=1, max_length=8, description="UN/ECE Recommendation 20 or 21 code: EA, BX, CS")]

#: ISO 4217 minor units where they are not two.
_NONE = ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF")
_THREE = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")
MINOR_UNITS = {**dict.fromkeys(_NONE, 0), **dict.fromkeys(_THREE, 3), "CLF": 4, "UYW": 4}
_QUANTA = tuple(Decimal(1).scaleb(-digits) for digits in range(5))
_LARGEST = Decimal(10) ** 18
#: Exact or an error; the product of two numbers at their largest has 54 digits.
_EXACT = Context(prec=80, traps=[DivisionByZero, Inexact, InvalidOperation, Overflow])


class UnitMismatch(ValueError):
    """Two amounts in different currencies, or a unit that the item does not know."""


class InexactConversion(ValueError):
    """A conversion between packaging levels that has no finite decimal answer."""


def _checked(number: Decimal, what: str) -> None:
    if not number.is_finite() or number.copy_abs() >= _LARGEST:  # abs() would round, and overflow
        raise ValueError(f"{what} must be a finite decimal below 10^18, got {number:.6g}")


def minor_unit(currency: Currency) -> Decimal:
    """The smallest amount of a currency (ISO 4217): 0.01 for most."""
    return _QUANTA[MINOR_UNITS.get(currency, 2)]


class Money(Struct, frozen=True, order=False):
    """An amount in one currency (ISO 4217); the received scale is kept."""

    amount: Decimal
    currency: Currency

    def __post_init__(self) -> None:
        _checked(self.amount, "an amount")

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other), self.currency)

    def __mul__(self, factor: Decimal | int) -> Money:
        return Money(self.amount * factor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __abs__(self) -> Money:
        return Money(abs(self.amount), self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same(other)

    def __str__(self) -> str:
        return f"{self.amount:,f} {self.currency}"

    def _same(self, other: Money) -> Decimal:
        if other.currency != self.currency:
            raise UnitMismatch(f"cannot combine {self.currency} with {other.currency}")
        return other.amount

    def rounded(self) -> Money:
        """Rounded half up to the minor unit of the currency (ISO 4217)."""
        return Money(self.amount.quantize(minor_unit(self.currency), ROUND_HALF_UP), self.currency)


class Quantity(Struct, frozen=True):
    """A count or measure in one unit (UN/ECE Recommendation 20/21)."""

    value: Decimal
    unit: Unit

    def __post_init__(self) -> None:
        _checked(self.value, "a quantity")

    def __add__(self, other: Quantity) -> Quantity:
        return Quantity(self.value + self._same(other), self.unit)

    def __sub__(self, other: Quantity) -> Quantity:
        return Quantity(self.value - self._same(other), self.unit)

    def __neg__(self) -> Quantity:
        return Quantity(-self.value, self.unit)

    def __str__(self) -> str:
        return f"{self.value:f} {self.unit}"

    def _same(self, other: Quantity) -> Decimal:
        if other.unit != self.unit:
            raise UnitMismatch(f"cannot combine {self.unit} with {other.unit}")
        return other.value


class Pack(Struct, frozen=True):
    """A packaging level: one ``unit`` holds ``factor`` base units."""

    unit: Unit
    factor: Decimal
    gtin: str = ""

    def __post_init__(self) -> None:
        _checked(self.factor, "a pack factor")
        if self.factor <= 0:
            raise ValueError(f"a pack factor must be positive, got {self.factor}")


class Price(Struct, frozen=True):
    """What ``per`` of something costs: 12.50 USD per 1 BX, or 80 USD per 100 EA."""

    amount: Decimal
    currency: Currency
    per: Quantity

    def __post_init__(self) -> None:
        _checked(self.amount, "a price")
        if self.per.value <= 0:
            raise ValueError(f"a price basis must be positive, got {self.per}")

    def __str__(self) -> str:
        basis = self.per.unit if self.per.value == 1 else str(self.per)
        return f"{self.amount:,f} {self.currency}/{basis}"

    def of(self, quantity: Quantity) -> Money:
        """The cost of ``quantity``, unrounded; raises UnitMismatch unless it is in the price's unit."""
        if quantity.unit != self.per.unit:
            raise UnitMismatch(f"the price is per {self.per.unit}, the quantity in {quantity.unit}")
        return Money(self.amount * quantity.value / self.per.value, self.currency)


def convert(value: Decimal, source: Decimal, target: Decimal) -> Decimal:
    """``value`` packs of ``source`` base units each, counted in packs of ``target``; raises InexactConversion."""
    try:  # multiplying back would round a third of a box to a whole one again
        result = _EXACT.divide(_EXACT.multiply(value, source), target)
    except Inexact as error:
        raise InexactConversion(f"{value} x {source} is no finite number of packs of {target}") from error
    whole = result.to_integral_value()
    return _EXACT.quantize(whole, _QUANTA[0]) if whole == result else _EXACT.normalize(result)

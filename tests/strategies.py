"""Hypothesis strategies for canonical documents: valid, plausible, and of every type that the model has.

``documents(kind)`` follows the type's own declaration, so a new field or type needs nothing here; ``_SHAPES`` adds what types
cannot say (line numbers count, totals add up, one currency per document, units of price and quantity agree).
"""

from __future__ import annotations

import string
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect, structs

from suture.model import (
    DOCUMENTS,
    BankAccount,
    Charge,
    ContractPrice,
    Document,
    Invoice,
    Item,
    Money,
    PaymentInstruction,
    Price,
    Quantity,
    Remittance,
)

CURRENCIES = ("USD", "EUR", "CHF", "JPY", "KWD")
UNITS = ("EA", "BX", "CS", "PK")
MINOR_UNITS = {"JPY": 0, "KWD": 3}
#: Invented accounts whose check digits hold: IBANs, and account numbers with an ABA routing number.
ACCOUNTS = (
    ("DE89370400440532013000", ""),
    ("CH9300762011623852957", ""),
    ("GB82WEST12345698765432", "NWBKGB2L"),
    ("000123456789", "021000021"),
    ("9876543210", "011401533"),
)
_SIGNED = frozenset({"variance"})

codes = st.text(string.ascii_uppercase + string.digits + "-", min_size=1, max_size=12).filter(
    lambda text: text.strip("-") == text
)
words = st.lists(st.text(string.ascii_letters + string.digits + "äéñ.,()+", min_size=1, max_size=10), min_size=1, max_size=6)
texts = words.map(" ".join)
days = st.dates(date(2000, 1, 1), date(2090, 12, 31))
instants = st.integers(0, 90 * 365 * 86_400).map(lambda seconds: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))
currencies = st.sampled_from(CURRENCIES)
units = st.sampled_from(UNITS)


def decimals(most: int, places: int, least: int = 0) -> st.SearchStrategy[Decimal]:
    """Decimals from ``least`` to ``most`` at the scale ``places``."""
    scale = 10**places
    return st.integers(least * scale, most * scale).map(lambda digits: Decimal(digits).scaleb(-places))


def moneys(currency: str, least: int = 0) -> st.SearchStrategy[Money]:
    """Money at the minor unit of its currency."""
    return decimals(10**7, MINOR_UNITS.get(currency, 2), least).map(lambda amount: Money(amount, currency))


def quantities(unit: str) -> st.SearchStrategy[Quantity]:
    """Positive quantities in one unit, whole or in hundredths."""
    return (decimals(9_999, 0, 1) | decimals(99, 2, 1)).map(lambda value: Quantity(value, unit))


def gs1(digits: int) -> st.SearchStrategy[str]:
    """GS1 keys (GTIN-14, SSCC-18) of so many digits, with their check digit (GS1 General Specifications, 7.9)."""
    return st.integers(0, 10 ** (digits - 1) - 1).map(lambda body: _with_check_digit(str(body).zfill(digits - 1)))


def _with_check_digit(body: str) -> str:
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(body)))
    return f"{body}{-total % 10}"


def documents(*kinds: type[Document]) -> st.SearchStrategy[Document]:
    """Valid documents of the given types, or of every type."""
    return st.sampled_from(kinds or tuple(DOCUMENTS.values())).flatmap(lambda kind: document(kind))


@st.composite
def document(draw: st.DrawFn, kind: type[Any]) -> Any:
    """A valid document (or any Struct) of ``kind``, in one currency."""
    return _drawn(draw, kind, _Setting(draw(currencies), draw(units)))


@dataclass(frozen=True)
class _Setting:
    """What the parts of one document share: its currency, and the unit of the line at hand."""

    currency: str
    unit: str


def _drawn(draw: st.DrawFn, kind: type[Any], setting: _Setting) -> Any:
    if kind is Money:
        return draw(moneys(setting.currency, 1))
    if kind is Price:
        basis = Quantity(Decimal(draw(st.sampled_from((1, 10, 100)))), setting.unit)
        return Price(draw(decimals(9_999, 4, 1)), setting.currency, basis)
    if kind is BankAccount:
        return BankAccount(draw(texts), *draw(st.sampled_from(ACCOUNTS)))
    if kind is Quantity:
        return draw(quantities(setting.unit))
    if not issubclass(kind, Document):
        setting = _Setting(setting.currency, draw(units))
    made = kind(**{field.name: _field(draw, kind, field, setting) for field in inspect.type_info(kind).fields})
    return _shaped(made)


def _field(draw: st.DrawFn, kind: type[Any], field: inspect.Field, setting: _Setting) -> Any:
    if not field.required and draw(st.booleans()):
        return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    if field.name == "currency":
        return setting.currency
    if field.name in ("gtin", "sscc"):
        return draw(gs1(14 if field.name == "gtin" else 18))
    value = _value(draw, field.type, setting)
    return -value if field.name in _SIGNED and value is not None and draw(st.booleans()) else value


def _value(draw: st.DrawFn, kind: inspect.Type, setting: _Setting) -> Any:
    match kind:
        case inspect.Metadata():
            return _value(draw, kind.type, setting)
        case inspect.StructType():
            return _drawn(draw, kind.cls, setting)
        case inspect.UnionType():
            return _value(draw, draw(st.sampled_from([t for t in kind.types if not isinstance(t, inspect.NoneType)])), setting)
        case inspect.VarTupleType():
            size = draw(st.integers(1, 3))
            return tuple(dict.fromkeys(_value(draw, kind.item_type, setting) for _ in range(size)))
        case inspect.DictType(value_type=inspect.IntType()):
            return draw(st.dictionaries(codes, st.integers(0, 999), max_size=3))
        case inspect.DictType():
            return draw(st.dictionaries(codes, texts, max_size=3))
        case _:
            return draw(_plain(kind, setting))


def _plain(kind: inspect.Type, setting: _Setting) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.LiteralType():
            return st.sampled_from(kind.values)
        case inspect.StrType(max_length=8):
            return st.just(setting.unit)
        case inspect.StrType(max_length=2000):
            return texts
        case inspect.StrType():
            return codes
        case inspect.IntType():
            return st.integers(1, 999)
        case inspect.BoolType():
            return st.booleans()
        case inspect.DateTimeType():
            return instants
        case inspect.DateType():
            return days
        case inspect.DecimalType():
            return decimals(999, 0, 2)
    raise TypeError(f"no strategy for {kind}")


def _shaped(made: Any) -> Any:
    if "lines" in getattr(made, "__struct_fields__", ()):
        made = structs.replace(made, lines=_numbered(made.lines))
    for kind, shape in _SHAPES.items():
        if isinstance(made, kind):
            made = shape(made)
    return made


def _numbered(lines: tuple[Any, ...]) -> tuple[Any, ...]:
    name = next((name for name in ("number", "line") if lines and name in lines[0].__struct_fields__), None)
    return tuple(structs.replace(line, **{name: place}) for place, line in enumerate(lines, 1)) if name else lines


def _billed(bill: Invoice) -> Invoice:
    """Line amounts and the total follow from quantities, prices, charges and tax."""
    lines = tuple(structs.replace(line, amount=line.price.of(line.quantity).rounded()) for line in bill.lines)
    gross = _sum([line.amount for line in lines] + ([bill.tax] if bill.tax else []))
    charged = _sum([gross, *(charge.amount for charge in bill.charges)])
    kept = charged.amount > 0
    return structs.replace(bill, lines=lines, charges=bill.charges if kept else (), total=charged if kept else gross)


def _sum(amounts: list[Money]) -> Money:
    return sum(amounts[1:], amounts[0])


def _agreed(price: ContractPrice) -> ContractPrice:
    ends = price.effective_to and max(price.effective_from, price.effective_to)
    return structs.replace(price, effective_to=ends)


def _packed(item: Item) -> Item:
    packs = {pack.unit: pack for pack in item.packs if pack.unit != item.unit}
    return structs.replace(item, packs=tuple(packs.values()))


def _payable(payment: PaymentInstruction) -> PaymentInstruction:
    return structs.replace(payment, invoices=tuple(f"{payment.supplier}:{invoice}" for invoice in payment.invoices))


def _added(remittance: Remittance) -> Remittance:
    """Paid plus discount settles an invoice; what is paid adds up to the payment."""
    return structs.replace(remittance, amount=_sum([line.paid for line in remittance.lines]))


_SHAPES: dict[type[Any], Callable[[Any], Any]] = {
    Invoice: _billed,
    Item: _packed,
    PaymentInstruction: _payable,
    Remittance: _added,
    ContractPrice: _agreed,
    Charge: lambda charge: structs.replace(charge, amount=-charge.amount) if charge.kind == "allowance" else charge,
}

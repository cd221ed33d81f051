"""Elements by local name, so that a message is read and written alike in every namespace version."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import cast

from lxml import etree

from suture.formats.format import Unwritable
from suture.formats.scalars import decimal
from suture.model import Money

Element = etree._Element
NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"


def local(element: Element) -> str:
    """The element's name without namespace."""
    return str(etree.QName(element).localname)


def child(element: Element | None, path: str) -> Element | None:
    """The first element at ``path`` (local names, separated by slashes), or None."""
    for name in path.split("/"):
        element = next(children(element, name), None)
    return element


def children(element: Element | None, name: str) -> Iterator[Element]:
    """The children of that local name, in order."""
    return iter(()) if element is None else element.iterchildren("{*}" + name)


def text(element: Element | None, *paths: str) -> str:
    """The trimmed text at the first of ``paths`` that has any, else ""; "." is the element itself."""
    for path in paths:
        found = element if path == "." else child(element, path)
        if found is not None and found.text and found.text.strip():
            return found.text.strip()
    return ""


class Scope:
    """What surrounds many transactions, each of which asks it for the same texts: every text is looked for once."""

    def __init__(self, element: Element | None) -> None:
        self.element = element
        self._texts: dict[tuple[str, ...], str] = {}

    def text(self, *paths: str) -> str:
        """As ``text`` of the element."""
        if paths not in self._texts:
            self._texts[paths] = text(self.element, *paths)
        return self._texts[paths]


def money(element: Element | None) -> Money:
    """An amount with its currency attribute, never negative (ISO 20022 says the direction apart). Raises ValueError."""
    written = text(element, ".")
    if element is None or not written:
        raise ValueError("no amount")
    amount = decimal(f"0{written}" if written.startswith(".") else written.removesuffix("."))
    if amount.is_signed():
        raise ValueError("a negative amount; the direction belongs into CdtDbtInd")
    currency = element.get("Ccy", "")
    if len(currency) != 3 or not (currency.isascii() and currency.isalpha() and currency.isupper()):
        raise ValueError("no ISO 4217 currency in Ccy")
    return Money(amount, currency)


def message(name: str, body: str) -> tuple[Element, Element]:
    """A new Document of the message ``name`` (pain.001.001.09) and its body element."""
    namespace = NAMESPACE + name
    document = etree.Element(f"{{{namespace}}}Document", nsmap=cast("dict[str, str]", {None: namespace}))
    return document, add(document, body)


def add(parent: Element, path: str, content: str = "") -> Element:
    """New elements along ``path`` below ``parent``, in its namespace; the last one holds ``content``."""
    for name in path.split("/"):
        parent = etree.SubElement(parent, etree.QName(etree.QName(parent).namespace, name))
    if content:
        try:
            parent.text = content
        except ValueError as error:
            raise Unwritable(f"{path}: a character that XML cannot carry") from error
    return parent


def add_money(parent: Element, path: str, amount: Money) -> Element:
    """The amount with as many decimals as its currency has (ISO 4217); raises Unwritable if that is not exact."""
    element = add(parent, path, minor(amount))
    element.set("Ccy", amount.currency)
    return element


def minor(amount: Money) -> str:
    """The digits of a positive amount at its currency's minor unit; raises Unwritable."""
    try:
        rounded = amount.rounded()
    except ValueError as error:  # rounding up leads beyond the largest amount
        raise Unwritable("an amount that is too large") from error
    if rounded.amount != amount.amount:
        raise Unwritable(f"an amount with fractions of the smallest unit of {amount.currency}")
    if rounded.amount <= Decimal(0):
        raise Unwritable("an amount that is not positive")
    return f"{rounded.amount:f}"


def serialised(document: Element) -> bytes:
    """The message as UTF-8 with an XML declaration."""
    return etree.tostring(document, xml_declaration=True, encoding="UTF-8")

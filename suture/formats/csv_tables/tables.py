"""The tables: which documents have one, and how their fields become columns.

Columns follow from the document's own declaration: a part's field becomes ``part_field`` (``price_currency``), its number just
``part`` (``price``), a tuple of texts one cell, a tuple of parts the lines of the document, a row each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, cast

from msgspec import Struct, field, inspect

from suture.model import (
    ContractPrice,
    CostCenter,
    Crosswalk,
    Document,
    Entity,
    GoodsReceipt,
    Item,
    Person,
    Place,
    StockPolicy,
    Supplier,
)

Kind = Literal["text", "integer", "flag", "decimal", "day", "instant", "list"]

_KINDS: Mapping[type[inspect.Type], Kind] = {
    inspect.StrType: "text",
    inspect.LiteralType: "text",
    inspect.IntType: "integer",
    inspect.BoolType: "flag",
    inspect.DecimalType: "decimal",
    inspect.DateType: "day",
    inspect.DateTimeType: "instant",
}


class Column(Struct, frozen=True):
    """A header, the field that it fills (``("price", "per", "unit")``), its kind of cell, and whether it must be there."""

    header: str
    path: tuple[str, ...]
    kind: Kind
    required: bool
    #: What an empty cell says.
    blank: str = ""


class Table(Struct, frozen=True, kw_only=True):
    """How one document type is laid out: columns of the document, and of its lines if it has any."""

    document: type[Document]
    columns: tuple[Column, ...]
    #: The field that holds the lines, "" if there is none; its columns, which are filled once a row.
    lines: str = ""
    line_columns: tuple[Column, ...] = ()

    @property
    def every(self) -> tuple[Column, ...]:
        """All columns, in the order in which they are written."""
        return (*self.columns, *self.line_columns)

    @property
    def needed(self) -> tuple[str, ...]:
        """The headers without which a file cannot be this table."""
        return tuple(column.header for column in self.columns if column.required)


class _Names(Struct, frozen=True, kw_only=True):
    """Headers that differ from the rule, and what empty cells say."""

    headers: Mapping[str, str] = field(default_factory=dict)
    blanks: Mapping[str, str] = field(default_factory=dict)


def _table(
    document: type[Document], id_header: str = "", line_prefix: str = "", blanks: Mapping[str, str] | None = None
) -> Table:
    info = cast(inspect.StructType, inspect.type_info(document))
    names = _Names(headers={"id": id_header} if id_header else {}, blanks=blanks or {})
    lines = next((part for part in info.fields if _line_type(part.type)), None)
    flat = [part for part in info.fields if part is not lines]
    made = tuple(column for part in flat for column in _columns(part.name, (part.name,), part.type, part.required, names))
    if lines is None:
        return Table(document=document, columns=made)
    kind = _line_type(lines.type)
    assert kind is not None
    of_lines = (
        column
        for part in kind.fields
        for column in _columns(line_prefix + part.name, (part.name,), part.type, part.required, names)
    )
    return Table(document=document, columns=made, lines=lines.name, line_columns=tuple(of_lines))


def _columns(header: str, path: tuple[str, ...], kind: inspect.Type, required: bool, names: _Names) -> Iterator[Column]:
    """The columns of one field; an optional part's fields are optional, too, and checked when one of them is filled."""
    match kind:
        case inspect.Metadata():
            yield from _columns(header, path, kind.type, required, names)
        case inspect.UnionType():
            (inner,) = (each for each in kind.types if not isinstance(each, inspect.NoneType))
            yield from _columns(header, path, inner, False, names)
        case inspect.StructType():
            for part in kind.fields:
                inside = header if part.name in ("value", "amount") else f"{header}_{part.name}"
                yield from _columns(inside, (*path, part.name), part.type, required and part.required, names)
        case inspect.VarTupleType():
            yield Column(names.headers.get(header, header), path, "list", required)
        case _:
            blank = names.blanks.get(header, "")
            yield Column(names.headers.get(header, header), path, _KINDS[type(kind)], required and not blank, blank)


def _line_type(kind: inspect.Type) -> inspect.StructType | None:
    return kind.item_type if isinstance(kind, inspect.VarTupleType) and isinstance(kind.item_type, inspect.StructType) else None


#: By the name of the document type.
TABLES: Mapping[str, Table] = {
    table.document.__name__: table
    for table in (
        _table(Entity, "entity"),
        _table(Place, "place"),
        _table(CostCenter, "cost_center"),
        _table(Supplier, "supplier"),
        _table(Item, "item", line_prefix="pack_"),
        _table(ContractPrice, "contract_price", blanks={"price_per": "1"}),
        _table(StockPolicy),
        _table(Crosswalk),
        _table(Person, "person"),
        _table(GoodsReceipt, "receipt"),
    )
}

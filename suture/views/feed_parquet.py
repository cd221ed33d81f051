"""The feed's tables as Parquet: columns typed from the documents themselves, decimals exact to eighteen places."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow
from msgspec import inspect
from pyarrow import parquet

from suture.model import Document
from suture.model.schema import SCHEMA_VERSION
from suture.views.events import CROSSING
from suture.views.feed import LINEAGE, Row

#: Places after the point: with the eighteen before it the most that 128 bits hold.
PLACES = 18
_NUMBER = pyarrow.decimal128(38, PLACES)
_FINEST = Decimal(1).scaleb(-PLACES)
_TYPES: dict[type[Any], pyarrow.DataType] = {
    inspect.StrType: pyarrow.string(),
    inspect.LiteralType: pyarrow.string(),
    inspect.IntType: pyarrow.int64(),
    inspect.BoolType: pyarrow.bool_(),
    inspect.DecimalType: _NUMBER,
    inspect.DateTimeType: pyarrow.timestamp("us", tz="UTC"),
    inspect.DateType: pyarrow.date32(),
}


def write_parquet(kind: type[Document], rows: Sequence[Row], path: Path) -> None:
    """The rows as one Parquet file."""
    table = pyarrow.Table.from_pylist([_exact(row) for row in rows], schema=columns(kind))
    parquet.write_table(table, path, compression="zstd")


@cache
def columns(kind: type[Document]) -> pyarrow.Schema:
    """The columns of one type of document; raises TypeError for a field of a kind that no document has yet."""
    lineage = [pyarrow.field(name, _arrow(inspect.type_info(of)), nullable=False) for name, of in LINEAGE.items()]
    made = inspect.type_info(kind)
    assert isinstance(made, inspect.StructType)
    own = [pyarrow.field(each.name, _arrow(each.type)) for each in made.fields if each.name not in CROSSING[kind]]
    return pyarrow.schema([*lineage, *own], metadata={"suture.type": kind.__name__, "suture.schema": SCHEMA_VERSION})


def _arrow(kind: inspect.Type) -> pyarrow.DataType:
    match kind:
        case inspect.Metadata():
            return _arrow(kind.type)
        case inspect.UnionType():
            (one,) = [each for each in kind.types if not isinstance(each, inspect.NoneType)]
            return _arrow(one)
        case inspect.VarTupleType():
            return pyarrow.list_(_arrow(kind.item_type))
        case inspect.StructType():
            return pyarrow.struct([pyarrow.field(each.name, _arrow(each.type)) for each in kind.fields])
    try:
        return _TYPES[type(kind)]
    except KeyError:
        raise TypeError(f"no column holds a {type(kind).__name__}") from None


def _exact(value: Any) -> Any:
    """Finer than eighteen places is rounded to even; nothing that is bought or paid is."""
    if isinstance(value, Decimal):
        with localcontext(prec=60):
            return value.quantize(_FINEST, ROUND_HALF_EVEN) if value.as_tuple().exponent < -PLACES else value  # type: ignore[operator]  # finite by the model
    if isinstance(value, dict):
        return {name: _exact(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_exact(each) for each in value]
    return value

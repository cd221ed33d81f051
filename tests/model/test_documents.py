"""Every document is immutable, named, and knows what it is about."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from msgspec import inspect

from suture.model import DOCUMENTS, BankAccount, CreditNote, Document, Ref, only
from suture.model.schema import field_names, structs
from tests.strategies import documents

every_kind = pytest.mark.parametrize("kind", DOCUMENTS.values(), ids=DOCUMENTS)


@every_kind
@given(document=documents())
@settings(max_examples=1)
def test_a_document_is_named_and_frozen(kind: type[Document], document: Document) -> None:
    assert "id" in kind.__struct_fields__ or isinstance(vars(kind).get("id") or getattr(kind, "id", None), property)
    with pytest.raises(AttributeError):
        setattr(document, document.__struct_fields__[0], "other")


@given(documents())
def test_a_document_refers_to_named_objects_each_once(document: Document) -> None:
    refs = document.refs()
    assert len(set(refs)) == len(refs)
    assert all(ref.type and ref.id for ref in refs)
    assert document.refs() == refs


def test_blank_and_repeated_references_are_left_out() -> None:
    order = Ref("PurchaseOrder", "PO-1")
    assert only(order, None, Ref("Lot", ""), order, Ref("Lot", "L1")) == (order, Ref("Lot", "L1"))
    assert str(order) == "PurchaseOrder:PO-1"


@given(documents(CreditNote))
def test_a_credit_note_refers_to_what_it_corrects(note: CreditNote) -> None:
    corrected = [ref for ref in note.refs() if ref.role == "corrects"]
    assert [ref.id for ref in corrected] == ([f"{note.supplier}:{note.corrects}"] if note.corrects else [])


def test_an_account_number_is_never_shown_in_full() -> None:
    account = BankAccount("Alpine Sutures", "CH9300762011623852957")
    assert "CH93" not in repr(account)
    assert "CH93" not in f"{account}"


def test_the_name_of_a_field_tells_its_scalar() -> None:
    """Borders read decimals and instants by field name: no name may mean a decimal here and a text there."""
    assert field_names(inspect.DecimalType) == {"amount", "value", "factor"}
    for exact in (inspect.DecimalType, inspect.DateTimeType):
        for other in (
            inspect.StrType,
            inspect.IntType,
            inspect.FloatType,
            inspect.BoolType,
            inspect.LiteralType,
            inspect.DateType,
        ):
            assert not field_names(exact) & field_names(other)
    assert not field_names(inspect.DictType) & (field_names(inspect.StrType) | field_names(inspect.StructType))


def test_no_field_is_a_float() -> None:
    assert not field_names(inspect.FloatType)
    assert set(DOCUMENTS.values()) <= set(structs())
    assert all(issubclass(kind, msgspec.Struct) and kind.__struct_config__.frozen for kind in structs())

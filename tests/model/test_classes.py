"""Every field has a class, hidden ones are masked wherever they stand, and what leads to a patient is never shown at all."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from msgspec import Struct

from suture.model import BankAccount, Quantity, Supplier, Usage
from suture.model.classes import CLASSES, HIDDEN, KEPT_DAYS, Unclassified, class_of, classes, classes_of, hidden_in, masked
from suture.model.schema import structs

ACCOUNT = BankAccount(holder="Alder Medical GmbH", number="DE89370400440532013000", routing="COBADEFFXXX")
SUPPLIER = Supplier(id="SUP-1", name="Alder", account=ACCOUNT, tax_id="DE812345678")
USAGE = Usage(
    id="U-1",
    kind="implant",
    item="IMP-7",
    quantity=Quantity(Decimal(1), "EA"),
    place="OR-1",
    used_at=datetime(2026, 3, 2, tzinfo=UTC),
    encounter="E-4711",
    patient="P-0815",
    procedure="PR-1",
    procedure_category="hip",
    cost_center="CC-1",
)


@pytest.mark.parametrize("kind", structs(), ids=lambda kind: kind.__name__)
def test_every_field_has_a_class(kind: type[Struct]) -> None:
    assert set(classes_of(kind)) == {field.name for field in msgspec.structs.fields(kind)}
    assert set(classes_of(kind).values()) <= set(CLASSES)


def test_a_field_that_nobody_declared_is_told() -> None:
    class New(Struct):
        shoe_size: str

    with pytest.raises(Unclassified, match=r"New\.shoe_size"):
        class_of(New, "shoe_size")


def test_every_class_is_used_and_kept_for_a_time() -> None:
    used = {kind for fields in classes().values() for kind in fields.values()}
    assert used == set(CLASSES) == set(KEPT_DAYS)
    assert KEPT_DAYS["patient"] == min(KEPT_DAYS.values())


def test_what_is_hidden_exists_and_is_confidential() -> None:
    known = classes()
    assert all(known[struct][field] in ("financial", "personal", "patient") for struct, field in HIDDEN)


def test_a_masked_supplier_shows_no_account() -> None:
    shown = masked(SUPPLIER)
    text = msgspec.json.encode(shown).decode()
    assert not [value for value in hidden_in(SUPPLIER) if value in text]
    assert "…3000" in text
    assert isinstance(shown, Supplier)
    assert (shown.id, shown.name) == ("SUP-1", "Alder")


def test_a_masked_usage_shows_no_patient() -> None:
    shown = masked(USAGE)
    assert isinstance(shown, Usage)
    assert (shown.patient, shown.encounter, shown.item) == ("…", "…", "IMP-7")
    assert set(hidden_in(USAGE)) == {"E-4711", "P-0815"}

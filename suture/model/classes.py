"""How confidential each field is: one class for every field of every document, declared once, here.

public: may stand on a poster · internal: for everyone who works with the house · financial: prices, amounts and accounts ·
personal: leads to a person who works here or at a partner · patient: leads to a patient, by pseudonym at most. ``HIDDEN`` are the
fields that no page, export, log or event shows: whoever has to see one unmasks it, with a purpose that is journaled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Literal, TypeVar, cast

import msgspec
from msgspec import Struct

from suture.model.documents import Document, Ref
from suture.model.facts import Finding
from suture.model.masters import BankAccount, CostCenter, Entity, Item, Person, Place
from suture.model.schema import parts_of, structs

DataClass = Literal["public", "internal", "financial", "personal", "patient"]
S = TypeVar("S", bound=Struct)

#: From the least to the most confidential.
CLASSES: tuple[DataClass, ...] = ("public", "internal", "financial", "personal", "patient")
#: For how long what is kept of each class is needed, in days: tax law asks for ten years of what was paid, nobody for patients'.
KEPT_DAYS: Mapping[DataClass, int] = MappingProxyType(
    {"public": 3653, "internal": 3653, "financial": 3653, "personal": 1096, "patient": 400}
)

_PUBLIC = """category code currency factor gtin implant kind kinds lot_tracked name packs per schema serial_tracked service
severity substitutes type unit value version"""
_INTERNAL = """about accepted action actions after answer asset at balance before blob book candidates care carrier case cause
causes channel compared context contract corrects cost_center counted counted_at deadline decision delivery description
differences differing document documents due due_on effective effective_from effective_to effects entity event execute_on
expected_on expires facility field fields file findings format found golden gone hour id in_flight in_service_on instance
invoice invoices issued_on item key line lines local lot lots message minimum missing needed_by number numbers objects offset
opening operation order order_line ordered ordered_at orders origin outcome owes owner paid_on parent partial parts path payment
phase place policy position process quantity raised reason reasons receipt received received_at reference reorder_point
reorder_quantity repaired request requested_at requisition reverses role roles route serial serials series service_line ship_to
shipment shipped_at ships_on sscc state status strangers subject substitute suggestion supplier supplier_item suppliers system
terms_days text unheard urgency values verb"""
_FINANCIAL = """account amount bank_reference charges cost credit creditor discount limit money paid price routing tax tax_id
total variance"""
_PERSONAL = "actor approver author counter created_by holder receiver released_by requester technician"
_PATIENT = "encounter patient procedure procedure_category used_at"

_BY_NAME: Mapping[str, DataClass] = {
    name: kind
    for kind, names in zip(CLASSES, (_PUBLIC, _INTERNAL, _FINANCIAL, _PERSONAL, _PATIENT), strict=True)
    for name in names.split()
}
#: Where a name means something else than elsewhere.
_BY_PLACE: Mapping[tuple[type[Struct], str], DataClass] = {
    (BankAccount, "number"): "financial",
    (CostCenter, "account"): "internal",
    (CostCenter, "name"): "internal",
    (Entity, "name"): "internal",
    (Finding, "text"): "internal",
    (Item, "account"): "internal",
    (Person, "id"): "personal",
    (Person, "name"): "personal",
    (Place, "name"): "internal",
    (Ref, "id"): "internal",
}
#: What is shown to nobody: bank accounts, tax numbers, and what leads to a patient.
HIDDEN: frozenset[tuple[str, str]] = frozenset(
    {
        ("BankAccount", "holder"),
        ("BankAccount", "number"),
        ("BankAccount", "routing"),
        ("Supplier", "tax_id"),
        ("Usage", "encounter"),
        ("Usage", "patient"),
    }
)
#: The types of objects whose numbers lead to a patient.
PATIENTS = frozenset({"Encounter", "Patient"})


class Unclassified(LookupError):
    """A field whose class nobody has declared; it cannot be shown, kept or exported by rule."""


def class_of(kind: type[Struct], field: str) -> DataClass:
    """The class of a field; raises Unclassified."""
    found = _BY_PLACE.get((kind, field)) or _BY_NAME.get(field)
    if found is None:
        raise Unclassified(f"{kind.__name__}.{field} has no class; declare it in suture/model/classes.py")
    return found


@cache
def classes_of(kind: type[Struct]) -> Mapping[str, DataClass]:
    """The class of each field of a struct; raises Unclassified."""
    return MappingProxyType({field.name: class_of(kind, field.name) for field in msgspec.structs.fields(kind)})


def classes() -> Mapping[str, Mapping[str, DataClass]]:
    """The class of every field of everything that documents are made of, by name of the struct."""
    return {kind.__name__: classes_of(kind) for kind in structs()}


@cache
def carried(kind: type[Document]) -> frozenset[DataClass]:
    """The classes of everything that a document of this type may hold, in its parts as well."""
    info = msgspec.inspect.type_info(kind)
    parts = (part.cls for part in parts_of(info) if isinstance(part, msgspec.inspect.StructType))
    return frozenset(found for part in parts for found in classes_of(part).values())


def masked(document: Document) -> Document:
    """The document as anybody may see it: of what is hidden the last four characters at most, of patients nothing."""
    return cast(Document, _masked(document))


def hidden_in(document: Document) -> tuple[str, ...]:
    """The values in a document that nobody is shown, blanks left out."""
    return tuple(dict.fromkeys(value for value in _hidden(document) if value))


def mask(value: str) -> str:
    """A hidden value as it is shown: whoever knows it recognises it, whoever does not learns nothing of use."""
    return f"…{value[-4:]}" if len(value) > 8 else "…" if value else ""


def _masked(value: object) -> object:
    if isinstance(value, Struct):
        return msgspec.structs.replace(value, **dict(_changes(value)))
    if isinstance(value, tuple):
        return tuple(map(_masked, value))
    return value


def _changes(struct: Struct) -> Iterator[tuple[str, object]]:
    name = type(struct).__name__
    for field in struct.__struct_fields__:
        value = getattr(struct, field)
        if (name, field) in HIDDEN:
            yield field, mask(value) if classes_of(type(struct))[field] != "patient" else "…"
        elif isinstance(value, Struct | tuple):
            yield field, _masked(value)


def _hidden(value: object) -> Iterator[str]:
    if isinstance(value, Struct):
        for field in value.__struct_fields__:
            if (type(value).__name__, field) in HIDDEN:
                yield getattr(value, field)
            else:
                yield from _hidden(getattr(value, field))
    elif isinstance(value, tuple):
        for each in value:
            yield from _hidden(each)

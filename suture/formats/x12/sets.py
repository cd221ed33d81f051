"""The transaction sets that we speak, each as one value: number, functional group, declaration, reader and writer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from suture.formats.x12 import acknowledgement, functional, invoice, order, order_change, remittance, shipment
from suture.formats.x12.agreement import Agreement
from suture.formats.x12.faults import Notes
from suture.formats.x12.heading import Row
from suture.formats.x12.spec import Loop, LoopSpec
from suture.model import (
    CreditNote,
    Document,
    FunctionalAcknowledgement,
    Invoice,
    OrderAcknowledgement,
    OrderChange,
    PurchaseOrder,
    Remittance,
    ShipNotice,
)


class Set(Struct, frozen=True, kw_only=True):
    """A transaction set: ST01, GS01, the documents it carries. A 997 is written by ``acknowledge`` and has no writer here."""

    code: str
    group: str
    documents: tuple[type[Document], ...]
    spec: LoopSpec
    read: Callable[[Loop, Agreement, Notes], Document]
    # The writer of a document type takes that type alone; ``by_type`` never hands it another.
    write: Callable[[Any, Agreement], list[Row]] | None = None


SETS = (
    Set(
        code="810",
        group="IN",
        documents=(Invoice, CreditNote),
        spec=invoice.SPEC,
        read=invoice.read_invoice,
        write=invoice.write_invoice,
    ),
    Set(
        code="820",
        group="RA",
        documents=(Remittance,),
        spec=remittance.SPEC,
        read=remittance.read_remittance,
        write=remittance.write_remittance,
    ),
    Set(code="850", group="PO", documents=(PurchaseOrder,), spec=order.SPEC, read=order.read_order, write=order.write_order),
    Set(
        code="855",
        group="PR",
        documents=(OrderAcknowledgement,),
        spec=acknowledgement.SPEC,
        read=acknowledgement.read_acknowledgement,
        write=acknowledgement.write_acknowledgement,
    ),
    Set(
        code="856",
        group="SH",
        documents=(ShipNotice,),
        spec=shipment.SPEC,
        read=shipment.read_notice,
        write=shipment.write_notice,
    ),
    Set(
        code="860",
        group="PC",
        documents=(OrderChange,),
        spec=order_change.SPEC,
        read=order_change.read_change,
        write=order_change.write_change,
    ),
    Set(code="997", group="FA", documents=(FunctionalAcknowledgement,), spec=functional.SPEC, read=functional.read_997),
)

BY_CODE: Mapping[str, Set] = MappingProxyType({found.code: found for found in SETS})
BY_TYPE: Mapping[type[Document], Set] = MappingProxyType(
    {kind: found for found in SETS if found.write for kind in found.documents}
)

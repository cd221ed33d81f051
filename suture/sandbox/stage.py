"""The stage: the network of the group and a twin for every instance, before anything is connected."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any, TypeVar

from msgspec import structs

from suture.formats import Profile
from suture.masters.crosswalk import Book, translate
from suture.model import Document, Invoice, Item, Price, Quantity, ReceivedLine, Requisition, StockPolicy, Supplier, Usage
from suture.runtime.network import Instance, Network
from suture.sandbox.day import Need
from suture.sandbox.group import ENTITIES, FACILITIES, MORNING, SUPPLIERS, Group
from suture.sandbox.twins.ap import ApTwin
from suture.sandbox.twins.bank import BankTwin
from suture.sandbox.twins.ehr import EhrTwin
from suture.sandbox.twins.erp import ErpTwin
from suture.sandbox.twins.inventory import InventoryTwin, Parcel
from suture.sandbox.twins.procurement import ProcurementTwin
from suture.sandbox.twins.supplier import SupplierTwin
from suture.sandbox.twins.twin import Agenda, RestTwin, Twin

D = TypeVar("D", bound=Document)
ERP_OF = {"NORTH": "erp-north", "PINE": "erp-north", "LAKE": "erp-lake"}
INVENTORY_OF = {"NSH": "inventory-main", "NSC": "inventory-main", "PVM": "inventory-main"}
EHR_OF = {"PVM": "ehr-pine"}
#: The AP platform's quota is below what a busy minute asks of it; the ERPs think before they answer.
AP_PER_MINUTE, ERP_LATENCY_S = 120, 0.002
#: The supplier that goes dark in the middle of the day, and for how long.
DARK, DARK_FROM, DARK_FOR = "ALDER", timedelta(hours=5), timedelta(hours=6)
#: When shelves are counted, after the theatres have closed; how often somebody takes one more than they say.
COUNTED_AT, UNDOCUMENTED = timedelta(hours=17), 0.03


def supplier_instance(supplier: str) -> str:
    """The instance through which a supplier is reached."""
    return f"supplier-{supplier.lower()}"


class Stage:
    """All twins of one group, on one agenda, drawing their chances from one seed."""

    def __init__(self, group: Group, seed: int) -> None:
        self.group, self.seed = group, seed
        self.agenda = Agenda(MORNING)
        self.undocumented = UNDOCUMENTED
        self.book = Book()
        for row in group.crosswalk:
            self.book.add(row)
        self.procurement = ProcurementTwin("procurement", self.agenda, self._chance("procurement"), group.people)
        self.ap = ApTwin("ap", self.agenda, self._chance("ap"), group.people)
        self.erps = {name: ErpTwin(name, self.agenda, self._vendors(name)) for name in ("erp-north", "erp-lake")}
        self.inventories = {
            name: InventoryTwin(name, self.agenda, self._chance(name), elsewhere)
            for name, elsewhere in (("inventory-main", "LKG-DOCK"), ("inventory-lake", "NSH-DOCK"))
        }
        self.ehrs = {
            name: EhrTwin(name, self.agenda, self._chance(name), Profile(us="EHR", partner="SUTURE", options={"sequence": "yes"}))
            for name in ("ehr-main", "ehr-pine")
        }
        self.bank = BankTwin("bank", self.agenda, self._chance("bank"), Profile(us="BANK", partner="SUTURE"))
        self.suppliers = {supplier: self._supplier(supplier) for supplier in SUPPLIERS}
        self.twins: dict[str, Twin] = {
            twin.name: twin
            for twin in (
                self.procurement,
                self.ap,
                self.bank,
                *self.erps.values(),
                *self.inventories.values(),
                *self.ehrs.values(),
                *self.suppliers.values(),
            )
        }
        self.ap.per_minute = AP_PER_MINUTE
        for erp in self.erps.values():
            erp.latency_s = ERP_LATENCY_S
        self._stock()
        self._fill_vendors()
        self._plan_outage()

    def _chance(self, name: str) -> Random:
        return Random(f"{name}/{self.seed}")

    def _fill_vendors(self) -> None:
        """What AP and each ERP know of the suppliers, as it was keyed in; one row has the terms and the account of old."""
        suppliers = [each for each in self.group.masters if isinstance(each, Supplier)]
        self.ap.master = [_payee(each) for each in suppliers]
        for name, erp in self.erps.items():
            erp.master = [_vendor(self.book.outbound(name, "supplier", each.id) or each.id, each) for each in suppliers]
        stale = next(row for row in self.erps["erp-lake"].master or () if not row["blocked"])
        stale["paymentTermsDays"], stale["bank"] = 45, {**stale["bank"], "account": "5550001112"}

    def _vendors(self, erp: str) -> set[str]:
        return {self.book.outbound(erp, "supplier", supplier) or supplier for supplier in SUPPLIERS}

    def _supplier(self, supplier: str) -> SupplierTwin:
        name = supplier_instance(supplier)

        def tracked(local: str) -> tuple[bool, str]:
            item = self._item(name, local)
            return item.lot_tracked, item.unit

        def carry(parcel: Parcel, arrival: datetime) -> None:
            dock = self.inventory(parcel.place)
            lines = tuple(_golden_line(self.book, name, line) for line in parcel.lines)
            ours = Parcel(order=parcel.order, place=parcel.place, lines=lines)
            self.agenda.at(arrival, lambda now: dock.arrive(ours, now))

        def upload(invoice: Invoice) -> None:
            golden, _ = translate(invoice, lambda kind, code: self.book.inbound(name, kind, code), ("item", "supplier"))
            assert isinstance(golden, Invoice)
            self.agenda.at(self.agenda.now + timedelta(hours=3), lambda now: self.ap.upload(golden))

        profile = Profile(us=supplier, partner="SUTURE")
        return SupplierTwin(name, self.agenda, self._chance(name), profile, carry, upload, tracked)

    def _item(self, instance: str, local: str) -> Item:
        return self.group.item(self.book.inbound(instance, "item", local) or local)

    def _plan_outage(self) -> None:
        dark = self.suppliers[DARK]

        def close(now: datetime) -> None:
            dark.closed_until = now + DARK_FOR

        def reopen(now: datetime) -> None:
            dark.closed_until = None

        self.agenda.at(MORNING + DARK_FROM, close)
        self.agenda.at(MORNING + DARK_FROM + DARK_FOR, reopen)

    def inventory(self, place: str) -> InventoryTwin:
        """Whose shelves a place's are."""
        return self.inventories[INVENTORY_OF.get(place.split("-")[0], "inventory-lake")]

    def _stock(self) -> None:
        for policy in self.group.masters:
            if isinstance(policy, StockPolicy):
                item, price = self.group.item(policy.item), self.group.price_of[policy.item]
                pieces = item.convert(price.per, item.unit).value
                cost = Price((price.amount / pieces).quantize(Decimal("0.0001")), price.currency, Quantity(Decimal(1), item.unit))
                opening = item.convert(policy.opening, item.unit).value if policy.opening else Decimal(0)
                self.inventory(policy.place).shelves.keep(item, policy.place, opening, cost)

    def plan_counts(self, nights: int) -> None:
        """Have the shelves counted in each of so many nights."""
        for night in range(nights):
            for inventory in self.inventories.values():
                self.agenda.at(MORNING + timedelta(days=night) + COUNTED_AT, inventory.count)

    def _plan_uses(self, needs: list[Need]) -> None:
        """What is really taken from the shelves: as a correction says, nothing where the usage is cancelled, sometimes more."""
        used = [need.document for need in needs if isinstance(need.document, Usage)]
        amended, chance = {usage.reverses: usage for usage in used if usage.reverses}, self._chance("shelves")
        for usage in used:
            last = amended.get(usage.id, usage)
            if usage.reverses or last.kind == "cancelled":
                continue
            more = Decimal(int(chance.random() < self.undocumented))
            taken = Quantity(last.quantity.value + more, last.quantity.unit)
            take = self.inventory(usage.place).shelves.take
            self.agenda.at(usage.used_at, partial(take, usage.item, usage.place, taken))

    def plan(self, needs: list[Need]) -> None:
        """Put the needs of the day on the agenda: people file them in their own systems, in those systems' codes."""
        self._plan_uses(needs)
        for need in needs:
            match need.document:
                case Requisition() as requisition:
                    filed = self._local("procurement", requisition, ("item", "supplier"))
                    self.agenda.at(need.at, partial(_file, self.procurement, filed))
                case Usage() as usage:
                    ehr = self.ehrs[EHR_OF.get(need.facility, "ehr-main")]
                    charged = self._local(ehr.name, usage, ("item", "place"))
                    self.agenda.at(need.at, partial(ehr.document, charged))

    def _local(self, instance: str, document: D, kinds: tuple[str, ...]) -> D:
        return translate(document, lambda kind, code: self.book.outbound(instance, kind, code), kinds)[0]

    def rest_twins(self) -> dict[str, RestTwin]:
        """Those that answer HTTP."""
        return {name: twin for name, twin in self.twins.items() if isinstance(twin, RestTwin)}

    def file_twins(self) -> dict[str, SupplierTwin | BankTwin]:
        """Those that exchange files."""
        return {name: twin for name, twin in self.twins.items() if isinstance(twin, SupplierTwin | BankTwin)}


def _file(procurement: ProcurementTwin, requisition: Requisition, now: datetime) -> None:
    procurement.file(requisition)


def _golden_line(book: Book, instance: str, line: ReceivedLine) -> ReceivedLine:
    """The dock scans the article's own bar code: it knows the goods under the group's codes."""
    return structs.replace(line, item=book.inbound(instance, "item", line.item) or line.item)


def _vendor(number: str, supplier: Supplier) -> dict[str, Any]:
    """A row of a vendor master."""
    account = supplier.account
    return {
        "vendor": number,
        "name": supplier.name,
        "blocked": supplier.status == "blocked",
        "currency": supplier.currency,
        "paymentTermsDays": supplier.terms_days,
        "taxNumber": supplier.tax_id,
        "bank": {"routing": account.routing, "account": account.number} if account else None,
    }


def _payee(supplier: Supplier) -> dict[str, Any]:
    """A supplier as the AP platform lists it."""
    row = _vendor(supplier.id, supplier)
    paid = row["bank"]
    return {
        "supplier": supplier.id,
        "name": supplier.name.upper(),
        "status": supplier.status,
        "taxId": supplier.tax_id.replace("-", ""),
        "remitTo": paid,
    }


def _accounts() -> dict[str, str]:
    """The account that each entity pays from, as agreed with the bank."""
    options = {"clearing_system": "USABA", "debtor_routing": "021000021"}
    for number, (entity, name) in enumerate(ENTITIES.items(), start=1):
        options |= {f"debtor_account.{entity}": f"90000000{number:02d}", f"debtor_name.{entity}": name}
    return options


def network(addresses: Mapping[str, str], listens: Mapping[str, Mapping[str, str]], secret: str = "") -> Network:
    """The group's network file as a value, with the addresses at which the twins are reached."""

    def instance(name: str, system: str, role: str, **more: Any) -> Instance:
        return Instance(
            name=name,
            system=system,
            role=role,
            address=addresses.get(name, ""),
            listen=listens.get(name, {}),
            secret=secret if system.endswith("_rest") else "",
            owner=f"{role} team",
            **more,
        )

    lake = tuple(facility for facility in FACILITIES if facility not in INVENTORY_OF)
    return Network(
        name="Northshore group",
        instances=(
            instance("procurement", "procurement_rest", "procurement"),
            instance("erp-north", "erp_rest", "erp", entities=("NORTH", "PINE")),
            instance("erp-lake", "erp_rest", "erp", entities=("LAKE",)),
            instance("inventory-main", "inventory_rest", "inventory", facilities=tuple(INVENTORY_OF)),
            instance("inventory-lake", "inventory_rest", "inventory", facilities=lake),
            instance("ap", "ap_rest", "ap"),
            instance("ehr-main", "ehr_mllp", "ehr", facilities=tuple(facility for facility in FACILITIES if facility != "PVM")),
            instance("ehr-pine", "ehr_mllp", "ehr", facilities=("PVM",)),
            instance(
                "bank",
                "bank_iso20022",
                "bank",
                profile=Profile(us="SUTURE", partner="BANK", options=_accounts()),
                options={"file_number": r"^(\d+)"},
            ),
            *(
                instance(
                    supplier_instance(supplier),
                    "supplier_x12",
                    "supplier",
                    suppliers=(supplier,),
                    profile=Profile(us="SUTURE", partner=supplier),
                )
                for supplier in SUPPLIERS
            ),
        ),
    )

"""A small group on loopback: twins as HTTP servers, folders for those that exchange files, master data and a network file."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random

from aiohttp import web

from suture.formats import Profile
from suture.masters.crosswalk import Book, translate
from suture.model import Document, Quantity, Requisition, RequisitionLine, Usage, encode
from suture.sandbox.group import MORNING, SUPPLIERS, cost_center, invent
from suture.sandbox.twins.ap import ApTwin
from suture.sandbox.twins.ehr import EhrTwin
from suture.sandbox.twins.erp import ErpTwin
from suture.sandbox.twins.inventory import InventoryTwin
from suture.sandbox.twins.procurement import ProcurementTwin
from suture.sandbox.twins.twin import Agenda, RestTwin
from suture.transports import Http
from suture.transports.http import HttpLink

SECRET = "whsec_bG9vcGJhY2stdGVzdC1zZWNyZXQ="
#: What the small hospital orders and uses: sold by one supplier, cheap enough to need nobody's approval.
SUPPLIER, ITEM, USED = "ALDER", "GLOVE-05", "STENT-02"


async def until(true: Callable[[], object | Awaitable[object]], what: str, limit_s: float = 20.0) -> None:
    """Look until it is true; fails with ``what`` after the limit."""
    deadline = time.monotonic() + limit_s
    while True:
        found = true()
        if await found if isinstance(found, Awaitable) else found:
            return
        assert time.monotonic() < deadline, f"not within {limit_s:g} s: {what}"
        await asyncio.sleep(0.02)


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Loopback:
    """The counterparts of one small network below a folder; ``async with`` opens and closes their servers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.group = invent(7)
        self.book = Book()
        for row in self.group.crosswalk:
            self.book.add(row)
        agenda, chance = Agenda(MORNING), Random("loopback")
        vendors = {self.book.outbound("erp-north", "supplier", supplier) or "" for supplier in SUPPLIERS}
        self.procurement = ProcurementTwin("procurement", agenda, chance, self.group.people)
        self.erp = ErpTwin("erp-north", agenda, vendors)
        self.inventory = InventoryTwin("inventory-main", agenda, chance, "elsewhere")
        self.ap = ApTwin("ap", agenda, chance, self.group.people)
        self.ehr = EhrTwin("ehr-main", agenda, chance, Profile(us="EHR", partner="SUTURE"))
        self.ehr.repeat_rate = 0
        self.ports = {twin.name: free_port() for twin in self.rest_twins()}
        #: The Authorization headers that came, by instance.
        self.authorizations: dict[str, set[str]] = {}
        self._runners: dict[str, web.AppRunner] = {}
        for partner in ("alder", "bank"):
            for side in ("to", "from"):
                (folder / partner / side).mkdir(parents=True)
        self._write_masters()

    def rest_twins(self) -> tuple[RestTwin, ...]:
        """Those that answer HTTP."""
        return (self.procurement, self.erp, self.inventory, self.ap)

    async def __aenter__(self) -> Loopback:
        for twin in self.rest_twins():
            await self.open(twin)
        return self

    async def __aexit__(self, *_: object) -> None:
        for name in list(self._runners):
            await self.close(name)

    async def open(self, twin: RestTwin) -> None:
        """Let a twin answer at its port."""

        async def answer(request: web.Request) -> web.StreamResponse:
            body = await request.read()
            self.authorizations.setdefault(twin.name, set()).add(request.headers.get("Authorization", ""))
            await asyncio.sleep(twin.latency_s)
            headers = {name.lower(): value for name, value in request.headers.items()}
            reply = twin.handle(Http(method=request.method, path=request.path_qs, body=body, headers=headers))
            return web.Response(status=reply.status, body=reply.body, headers=dict(reply.headers))

        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", answer)
        self._runners[twin.name] = runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.ports[twin.name]).start()

    async def close(self, name: str) -> None:
        """From now on connections to this twin are refused."""
        await self._runners.pop(name).cleanup()

    # -- what the house has

    def _write_masters(self) -> None:
        masters = self.folder / "masters"
        masters.mkdir()
        (masters / "group.jsonl").write_bytes(b"\n".join(encode(document) for document in self.group.masters))
        rows = "\n".join(f"{row.system},{row.kind},{row.local},{row.golden}" for row in self.group.crosswalk)
        (masters / "crosswalk.csv").write_text(f"system,kind,local,golden\n{rows}\n")
        (masters / "README.txt").write_text("not master data")

    def write_network(self, *, port: int = 0, mllp_port: int = 0, **replaced: str) -> Path:
        """The network file; ``replaced`` gives other lines for an instance, by its name with _ for -."""
        (self.folder / "secret").write_text(f"{SECRET}\n")
        parts = [
            f'name = "Loopback hospital"\nmasters = "masters"\nport = {port}\n',
            *(
                self._instance(
                    twin.name,
                    f"{role}_rest",
                    role,
                    replaced,
                    f'address = "http://127.0.0.1:{self.ports[twin.name]}"\nsecret = "file:{self.folder}/secret"',
                )
                for twin, role in zip(self.rest_twins(), ("procurement", "erp", "inventory", "ap"), strict=True)
            ),
            self._instance("ehr-main", "ehr_mllp", "ehr", replaced, f'listen = {{ charges = "mllp://127.0.0.1:{mllp_port}" }}'),
            self._instance("supplier-alder", "supplier_x12", "supplier", replaced, self._files("alder"), _agreed("ALDER")),
            self._instance("bank", "bank_iso20022", "bank", replaced, self._files("bank"), _agreed("BANK")),
        ]
        path = self.folder / "network.toml"
        path.write_text("\n".join(parts))
        return path

    def _instance(self, name: str, system: str, role: str, replaced: dict[str, str], where: str, more: str = "") -> str:
        lines = [f'name = "{name}"', f'system = "{system}"', f'role = "{role}"', f'owner = "{role} team"']
        return "\n".join(["[[instances]]", *lines, replaced.get(name.replace("-", "_"), where), more, ""])

    def _files(self, partner: str) -> str:
        to, back = ((self.folder / partner / side).as_uri() for side in ("to", "from"))
        return f'address = "{to}"\nlisten = {{ in = "{back}" }}'

    # -- what happens there

    def requisition(self, number: int) -> bytes:
        """A requisition for one box of gloves, in the procurement suite's codes."""
        line = RequisitionLine(
            number=1,
            item=ITEM,
            supplier=SUPPLIER,
            quantity=Quantity(Decimal(1), "BX"),
            cost_center=cost_center("NSH", "ICU"),
        )
        return self._local(
            "procurement",
            Requisition(
                id=f"REQ-{number:06d}",
                entity="NORTH",
                facility="NSH",
                ship_to="NSH-DOCK",
                requester=self.group.requesters[0].id,
                requested_at=datetime.now(UTC),
                lines=(line,),
            ),
            ("item", "supplier"),
        )

    def charge(self, number: int) -> bytes:
        """A charge for a stent, as the EHR's interface engine sends it."""
        usage = Usage(
            id=f"USE-{number:06d}",
            kind="used",
            item=self.book.outbound("ehr-main", "item", USED) or "",
            quantity=Quantity(Decimal(1), "EA"),
            place="NSH-CATH",
            used_at=datetime.now(UTC).replace(microsecond=0),
            encounter=f"ENC{number:07d}",
            patient="MRN0000001",
            procedure="92928",
            procedure_category="cardiology",
            lot="L12345",
        )
        self.ehr.document(usage, datetime.now(UTC))
        return self.ehr.outbox.pop().raw

    def _local(self, instance: str, document: Document, kinds: tuple[str, ...]) -> bytes:
        return encode(translate(document, lambda kind, code: self.book.outbound(instance, kind, code), kinds)[0])

    def ordered(self) -> Counter[str]:
        """How often each requisition became an order in the ERP."""
        return Counter(str(booked.body["requisition"]) for booked in self.erp.orders)

    def dropped(self, partner: str = "alder") -> list[bytes]:
        """The files that lie in a partner's folder."""
        return [path.read_bytes() for path in sorted((self.folder / partner / "to").glob("[!.]*"))]


def _agreed(partner: str) -> str:
    return f'profile = {{ us = "HOSPITAL", partner = "{partner}" }}'


@asynccontextmanager
async def webhook(address: str, secret: str = SECRET) -> AsyncIterator[HttpLink]:
    """How the procurement suite calls: signed."""
    link = HttpLink(address, timeout_s=20, secret=secret, clock=lambda: datetime.now(UTC), concurrency=32)
    try:
        yield link
    finally:
        await link.close()


def filed(raw: bytes) -> Http:
    """A requisition handed over."""
    return Http(method="POST", path="/in/procurement/webhook", body=raw)

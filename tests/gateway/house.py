"""A small hospital with its gateway open: a service over a journal in memory, peers that answer, and every kind of caller."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import httpx2
import msgspec
from msgspec import structs

from prove.gate import Believing
from suture.gateway import ROLES, Access, Caller
from suture.gateway.front import assembled
from suture.gateway.limits import Allowance, Limits
from suture.gateway.operation import Operation
from suture.gateway.served import Gateway
from suture.journal import Journal, MemoryJournal
from suture.model import BankAccount, CallsAnswered, ContractPrice, Document, Item, Supplier, encode
from suture.processes.rehearsal import START
from suture.runtime.clock import Clock, SystemClock
from suture.runtime.network import Instance, Network
from suture.runtime.publish import publish
from suture.runtime.service import Service
from suture.runtime.wiring import Wiring
from suture.systems import System
from suture.transports import NoReply, Reply, Request
from tests.small_network import MASTERS, PRICE, SYSTEMS, Peers, arrivals, instances, story

#: A second supplier, so that there is somebody whose documents are none of the first one's business.
BIRCH = Supplier(
    id="BIRCH",
    name="Birch Surgical AG",
    created_by="vendor-desk",
    account=BankAccount(holder="Birch Surgical AG", number="9876543211", routing="011401533"),
)
MORE: tuple[Document, ...] = (
    BIRCH,
    Item(id="MASK", name="Mask, surgical", unit="EA", account="1400"),
    ContractPrice(id="CP-2", contract="C-2", supplier="BIRCH", item="MASK", price=PRICE, effective_from=date(2026, 1, 1)),
)
#: Generous, so that only the tests about allowances meet one.
WIDE = Limits(allowances={name: Allowance(1e6, 1_000_000) for name in ("critical", "standard", "bulk")})


def caller(*roles: str, **more: Any) -> Caller:
    """Somebody with these roles, bound to its own instance and, for a partner, to its own supplier."""
    own = {"supplier": "ALDER", "instance": "alder-api"} if set(roles) & {"supplier", "logistics"} else {"instance": "portal"}
    kind = "machine" if set(roles) & {"machine", "supplier", "logistics"} else "person"
    return Caller(subject=more.pop("subject", "nurse-1"), roles=roles, kind=kind, **{**own, **more})


#: One caller for each standard role, two suppliers, and one without any role.
CALLERS: Mapping[str, Caller] = {
    **{role: caller(role, subject=f"{role}-1") for role in ROLES},
    "birch": caller("supplier", subject="birch-1", supplier="BIRCH", instance="birch-api"),
    "nobody": Caller(subject="nobody-1", roles=()),
}


class MemoryLink:
    """A peer in memory as a link: it counts its calls, and may be silent."""

    def __init__(self, perform: Any) -> None:
        self._perform = perform
        self.calls: Counter[str] = Counter()
        self.silent = False

    async def perform(self, request: Request) -> Reply:
        """The peer's answer."""
        self.calls[getattr(request, "method", "other")] += 1
        if self.silent:
            raise NoReply("no answer")
        reply: Reply = self._perform(request)
        return reply

    async def close(self) -> None:
        """Nothing is kept open."""


class House:
    """The service, its links, the gateway and a client; documents are told to the service as partners tell them."""

    def __init__(self, service: Service, links: Mapping[str, MemoryLink], gateway: Gateway, believing: Believing) -> None:
        self.service, self.links, self.gateway, self.believing = service, links, gateway, believing
        transport = httpx2.ASGITransport(app=gateway)
        self.client = httpx2.AsyncClient(transport=transport, base_url="http://gateway")
        self._keys = itertools.count(1)

    async def call(self, name: str, method: str, path: str, document: Document | None = None, **more: Any) -> httpx2.Response:
        """One call in somebody's name; a document goes with a key of its own unless ``key`` names one."""
        headers = {"x-caller": name, **more.pop("headers", {})}
        key = more.pop("key", None) or f"key-{next(self._keys)}"
        if method != "GET":
            headers = {"idempotency-key": key, "content-type": "application/json", **headers}
        content = more.pop("content", encode(document) if document is not None else None)
        return await self.client.request(method, path, headers=headers, content=content, **more)

    async def buy(self, number: int, upto: int = 4) -> None:
        """One purchase from the small network's story, as far as step ``upto``."""
        for arrival in arrivals(story(number))[:upto]:
            await self.service.accept(arrival)
            await self.service.settle()

    async def buy_from_birch(self, number: int) -> None:
        """A purchase of the other supplier, up to its invoice."""
        request, receipt, invoice, _ = story(number)
        line = structs.replace(request.lines[0], item="MASK", supplier="BIRCH")  # type: ignore[attr-defined]
        counted = structs.replace(receipt.lines[0], item="MASK")  # type: ignore[attr-defined]
        billed = structs.replace(invoice.lines[0], item="MASK")  # type: ignore[attr-defined]
        documents = (
            structs.replace(request, lines=(line,)),
            structs.replace(receipt, lines=(counted,)),
            structs.replace(invoice, supplier="BIRCH", lines=(billed,)),
        )
        for arrival in arrivals(documents):
            await self.service.accept(arrival)
            await self.service.settle()


@asynccontextmanager
async def house(
    *, clock: Clock | None = None, limits: Limits = WIDE, access: Access | None = None, systems: Mapping[str, System] = SYSTEMS
) -> AsyncIterator[House]:
    """Open and close it."""
    peers, clock = Peers(), clock or SystemClock()
    network = Network(name="small", instances=(*instances(), *_clients()))
    wiring = Wiring(MemoryJournal(b"k" * 32), network, privacy_key=b"p" * 32, systems=systems)
    publish(wiring, (*MASTERS, *MORE), START)
    links = {instance.name: MemoryLink(peers.link(instance.name)) for instance in network.instances if instance.address}
    service = Service(wiring, clock, links)
    await service.start(driven=True)
    believing = Believing(CALLERS)
    opened = House(service, links, assembled(service, believing, access or Access(), limits=limits), believing)
    try:
        yield opened
    finally:
        await opened.client.aclose()
        await opened.gateway.close()
        await service.stop()


def _clients() -> tuple[Instance, ...]:
    return (
        Instance(name="portal", system="api_client", owner="applications"),
        Instance(name="alder-api", system="api_client", suppliers=("ALDER",), owner="Alder"),
        Instance(name="birch-api", system="api_client", suppliers=("BIRCH",), owner="Birch"),
    )


def path_of(operation: Operation, given: Mapping[str, str] | None = None) -> str:
    """An address with the example's names filled in."""
    names = {**(operation.examples[0].given if operation.examples else {}), **(given or {})}
    return operation.address.format(**{name: names.get(name, "NONE") for name in operation.names})


def query_of(operation: Operation) -> dict[str, str]:
    """The example's query."""
    given = operation.examples[0].given if operation.examples else {}
    return {name: value for name, value in given.items() if name not in operation.names}


def told(journal: Journal) -> list[Document]:
    """What the journal holds, the trail of calls apart: that is written a second later, whatever a call did."""
    rows = journal.read(0, 100_000)
    return [row.event.data for row in rows if not isinstance(row.event.data, CallsAnswered)]


def body(response: httpx2.Response) -> Any:
    """The JSON of an answer."""
    return msgspec.json.decode(response.content)


__all__ = ["CALLERS", "House", "body", "caller", "house", "path_of", "query_of", "told"]

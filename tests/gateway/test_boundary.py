"""A partner tries to cross the boundary in every operation: with its own paths, other paths, and documents that name others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import msgspec
import pytest
from msgspec import structs

from suture.gateway import samples
from suture.gateway.operation import Operation, operations
from suture.gateway.system_apis import system_apis
from suture.model import Document
from suture.runtime.network import Network
from tests.gateway.house import House, body, house, told
from tests.small_network import SYSTEMS, instances

EVERY = {**operations(), **system_apis(Network(name="small", instances=instances()), SYSTEMS)}
#: What belongs to one supplier: its identifiers, in each of the forms in which an address may name them.
ALDERS = ("PO-R-1", "R-1", "ALDER:71", "PAY-ALDER:71-1", "GR-1", "ALDER", "GLOVE", "SN-1", "ALDER:SN-1", "alder-key")
#: What must never be seen by another: the same, and what only its documents say.
SECRETS = ("PO-R-1", "ALDER", "GLOVE", "BK-1", "GR-1")


class Crossing:
    """Two suppliers with documents of their own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        self.house: House = self.loop.run_until_complete(self._stack.enter_async_context(house()))
        self.run(self.house.buy(1))
        self.run(self.house.buy_from_birch(2))
        announced = self.run(self.house.call("supplier", "POST", "/api/partner/v1/shipments", samples.NOTICE, key="alder-key"))
        assert announced.status_code == 202, announced.text
        self.run(self.house.service.settle())

    def run(self, what: Any) -> Any:
        """Do it in the loop."""
        return self.loop.run_until_complete(what)

    def close(self) -> None:
        """Close the house."""
        self.run(self._stack.aclose())
        self.loop.close()


@pytest.fixture(scope="module")
def crossing() -> Iterator[Crossing]:
    there = Crossing()
    yield there
    there.close()


def addresses(operation: Operation) -> list[str]:
    """The address with each of the other's identifiers in each of its names."""
    return [operation.address.format(**dict.fromkeys(operation.names, id)) for id in (ALDERS if operation.names else ("",))]


@pytest.mark.parametrize("name", [name for name, operation in EVERY.items() if operation.method == "GET"])
def test_no_look_up_tells_of_anothers_documents(crossing: Crossing, name: str) -> None:
    operation = EVERY[name]
    for address in addresses(operation):
        said = crossing.run(crossing.house.call("birch", "GET", address))
        assert said.status_code in (200, 400, 403, 404), said.text
        shown = msgspec.json.encode({**body(said), "instance": ""}).decode()
        assert not [secret for secret in SECRETS if secret in shown], f"{address} tells {shown}"


@pytest.mark.parametrize("name", [name for name, operation in EVERY.items() if operation.method == "GET"])
def test_asking_for_anothers_by_query_changes_nothing(crossing: Crossing, name: str) -> None:
    operation = EVERY[name]
    for field in msgspec.structs.fields(operation.asks):
        if field.name in operation.names:
            continue
        said = crossing.run(crossing.house.call("birch", "GET", addresses(operation)[0], params={field.name: "ALDER"}))
        shown = msgspec.json.encode({**body(said), "instance": ""}).decode()
        assert not [secret for secret in SECRETS if secret in shown.replace('"path":"', "")], shown


def another(document: Document) -> list[Document]:
    """The document as one supplier would forge it: in the other's name, and in its own name about the other's orders."""
    forged = []
    if "supplier" in type(document).__struct_fields__:
        forged.append(document)
        forged.append(structs.replace(document, supplier="BIRCH"))  # type: ignore[call-arg]
    return forged or [document]


@pytest.mark.parametrize("name", [name for name, operation in EVERY.items() if operation.takes])
def test_no_document_in_anothers_name_or_about_anothers_orders_is_taken(crossing: Crossing, name: str) -> None:
    operation = EVERY[name]
    before = told(crossing.house.service.wiring.journal)
    for example in operation.examples:
        assert example.document is not None
        for document in another(example.document):
            address = operation.address.format(**example.given)
            said = crossing.run(crossing.house.call("birch", operation.method, address, document))
            assert said.status_code in (403, 422), f"{name} took {document}: {said.text}"
    assert told(crossing.house.service.wiring.journal) == before


def test_what_is_its_own_is_taken_and_told(crossing: Crossing) -> None:
    """Without this the others would pass on a gateway that refuses everything."""
    own = structs.replace(samples.ACKNOWLEDGEMENT, order="PO-R-2", supplier="BIRCH")
    said = crossing.run(crossing.house.call("birch", "POST", "/api/partner/v1/orders/PO-R-2/acknowledgements", own))
    assert said.status_code == 202, said.text
    orders = body(crossing.run(crossing.house.call("birch", "GET", "/api/partner/v1/orders")))
    assert [row["id"] for row in orders["items"]] == ["PO-R-2"]
    assert crossing.run(crossing.house.call("birch", "GET", "/api/partner/v1/invoices/BIRCH:72")).status_code == 200


def test_a_key_of_another_is_nobodys(crossing: Crossing) -> None:
    assert crossing.run(crossing.house.call("supplier", "GET", "/api/partner/v1/submissions/alder-key")).status_code == 200
    assert crossing.run(crossing.house.call("birch", "GET", "/api/partner/v1/submissions/alder-key")).status_code == 404


def test_what_is_anothers_is_told_like_what_does_not_exist(crossing: Crossing) -> None:
    theirs = crossing.run(crossing.house.call("birch", "GET", "/api/partner/v1/orders/PO-R-1"))
    nothing = crossing.run(crossing.house.call("birch", "GET", "/api/partner/v1/orders/PO-R-0"))
    assert theirs.text.replace("PO-R-1", "") == nothing.text.replace("PO-R-0", "")

"""Three durable steps, ours and DBOS's: an order is checked, booked and told; after each step what it found is on the disk."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from msgspec import Struct, structs

from suture.journal import Event
from suture.model import Document, OrderStatus, PurchaseOrder
from suture.processes import Effect, Emit, Process, Seen

#: What each step says, and what it makes the next one do.
NEXT = {"confirmed": "acknowledged", "acknowledged": "shipped"}
#: Workflows of DBOS that run at once: its best in the measurements that the goal comes from.
THREADS = 8


class Steps(Struct, frozen=True):
    """How far one order has come."""

    phase: str = "new"


def checked(state: Steps, event: Event, seen: Seen) -> tuple[Steps, Sequence[Effect]]:
    """The first step."""
    order = event.data
    assert isinstance(order, PurchaseOrder)
    confirmed = OrderStatus(order=order.id, state="confirmed", at=seen.now, requisition=order.requisition)
    return structs.replace(state, phase="confirmed"), (Emit(document=confirmed),)


def went_on(state: Steps, event: Event, seen: Seen) -> tuple[Steps, Sequence[Effect]]:
    """The second step, and the third, which says nothing more."""
    status = event.data
    assert isinstance(status, OrderStatus)
    after = NEXT.get(status.state)
    if after is None:
        return structs.replace(state, phase="done"), ()
    return structs.replace(state, phase=after), (Emit(document=structs.replace(status, state=after)),)


def key_of(document: Document) -> tuple[str, ...]:
    """The order."""
    match document:
        case PurchaseOrder(id=id) | OrderStatus(order=id):
            return (id,)
    return ()


PROCESS = Process(
    name="steps",
    title="Three steps",
    version=1,
    owner="bench",
    key=key_of,
    state=Steps,
    on={PurchaseOrder: checked, OrderStatus: went_on},
    needs=lambda state, event: [],
    phases=("new", "confirmed", "acknowledged", "shipped", "done"),
)


class Dbos:
    """The same three steps as a workflow of DBOS, in a database of its own."""

    def __init__(self, url: str) -> None:
        from dbos import DBOS, DBOSConfig

        logging.getLogger("dbos").setLevel(logging.ERROR)
        config: DBOSConfig = {"name": "bench", "system_database_url": url, "log_level": "ERROR", "sys_db_pool_size": THREADS}
        self._dbos: Any = DBOS
        DBOS(config=config)

        @DBOS.step()
        def check(order: str) -> dict[str, str]:
            return {"order": order, "state": "confirmed"}

        @DBOS.step()
        def book(status: dict[str, str]) -> dict[str, str]:
            return {**status, "state": "acknowledged"}

        @DBOS.step()
        def tell(status: dict[str, str]) -> dict[str, str]:
            return {**status, "state": "shipped"}

        @DBOS.workflow()
        def flow(order: str) -> dict[str, str]:
            said: dict[str, str] = tell(book(check(order)))
            return said

        self._flow = flow
        DBOS.launch()

    def run(self, orders: Sequence[str]) -> None:
        """Run one workflow for each order, several at once."""
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(self._flow, orders))

    def close(self) -> None:
        """End it; another may be begun."""
        self._dbos.destroy(destroy_registry=True)

"""The served contract under attack, in small: every operation, every role, calls that nobody here thought of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from prove.contract import Attack, attack
from prove.gate import NAMED, served
from suture.gateway.openapi import document
from suture.gateway.operation import operations
from suture.gateway.served import Gateway
from suture.gateway.system_apis import system_apis
from suture.runtime.network import Network
from tests.gateway.house import CALLERS, house
from tests.small_network import SYSTEMS, instances

pytest.importorskip("schemathesis", reason="schemathesis is a development dependency")

DERIVED = system_apis(Network(name="small", instances=instances()), SYSTEMS)
#: One list and one way in stand for all that are derived alike; ``python -m prove gateway`` attacks every one.
EVERY = {**operations(), "erp.list_orders": DERIVED["erp.list_orders"], "erp.bring_posting": DERIVED["erp.bring_posting"]}
KNOWN = ("PO-R-1", "PO-R-2", "ALDER:71", "BIRCH:72", "PAY-ALDER:71-1", "ALDER", "CC-1", "alder-key")
HIDDEN = {
    "birch": ("PO-R-1", "ALDER", "GLOVE"),
    "supplier": ("PO-R-2", "BIRCH", "MASK"),
    "logistics": ("PO-R-2", "BIRCH", "MASK"),
}


def leak(who: str, sent: str, answer: str) -> str:
    """What belongs to another supplier and was not in the question."""
    return next((word for word in HIDDEN.get(who, ()) if word in answer and word not in sent), "")


@asynccontextmanager
async def two_suppliers() -> AsyncIterator[Gateway]:
    """A gateway over two suppliers' documents."""
    async with house() as there:
        await there.buy(1)
        await there.buy_from_birch(2)
        yield there.gateway


def contract() -> dict[str, Any]:
    """The contract as it is served."""
    found: dict[str, Any] = msgspec.json.decode(document(EVERY.values()))
    return found


def test_nothing_breaks_nothing_surprises_and_nothing_leaks() -> None:
    with served(two_suppliers()) as address:
        seen = attack(
            Attack(
                contract=contract(),
                address=address,
                callers={who: {NAMED: who} for who in CALLERS},
                known=KNOWN,
                leak=leak,
                cases=1,
                seed=7,
            )
        )
    assert seen.calls > 800
    assert seen.statuses[200] > 80
    assert not seen.errors, "\n".join(seen.errors[:10])
    assert not seen.undocumented, "\n".join(seen.undocumented[:10])
    assert not seen.leaks, "\n".join(seen.leaks[:10])

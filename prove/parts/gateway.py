"""The gateway over a day of the whole group: its served contract attacked by schemathesis, in every role and by two suppliers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from prove.contract import Attack, Attacked, Missing, attack
from prove.gate import NAMED, Believing, served
from prove.part import Part, Result, Table, Task
from suture.extensions import found
from suture.gateway import ROLES, Access, Caller
from suture.gateway.front import assembled
from suture.gateway.limits import Allowance, Limits
from suture.gateway.openapi import document
from suture.gateway.operation import operations
from suture.gateway.served import Gateway
from suture.gateway.system_apis import system_apis
from suture.journal import open_journal
from suture.journal.blobs import load_or_create_key
from suture.runtime.clock import SystemClock
from suture.runtime.network import Instance, Network
from suture.runtime.service import Service
from suture.runtime.wiring import Wiring
from suture.sandbox.demo import Demo
from suture.sandbox.group import SUPPLIERS
from suture.sandbox.stage import network
from suture.systems import System
from suture.views.register import Register

#: The day: enough purchases that every supplier has some, and two of them with callers of their own.
REQUISITIONS, USAGES, SEED = 120, 40, 11
PARTNERS = tuple(SUPPLIERS)[:2]
#: Calls made of each operation's schemas, good and bad each, at full size.
CASES = 60
#: Where nobody answers, so that every live question ends as unknown.
NOWHERE = "http://127.0.0.1:9"
#: The attack is not about allowances.
_WIDE = Limits(allowances={name: Allowance(1e6, 1_000_000) for name in ("critical", "standard", "bulk")})


class Known(Struct, frozen=True):
    """Identifiers that exist, by supplier."""

    by_supplier: Mapping[str, Sequence[str]]

    def others(self, supplier: str) -> list[str]:
        """What belongs to all others."""
        return [id for owner, ids in self.by_supplier.items() if owner != supplier for id in ids]


def callers() -> dict[str, Caller]:
    """One for each role, and one for each of two suppliers; partners speak for their own instance."""
    roles = {role: _caller(role) for role in ROLES}
    return roles | {f"supplier {name}": _partner(name) for name in PARTNERS} | {"nobody": Caller(subject="nobody", roles=())}


def _caller(role: str) -> Caller:
    if role in ("supplier", "logistics"):
        return _partner(PARTNERS[0], role)
    return Caller(subject=f"{role}-1", roles=(role,), instance="portal", kind="machine" if role == "machine" else "person")


def _partner(supplier: str, role: str = "supplier") -> Caller:
    name = f"{supplier.lower()}-api"
    return Caller(subject=f"{role}/{supplier}", roles=(role,), kind="machine", supplier=supplier, instance=name)


def whole() -> Network:
    """The group's network with an address for every counterpart, and the instances in whose name callers hand over."""
    base = network({}, {})
    counterparts = (msgspec.structs.replace(each, address=NOWHERE) for each in base.instances)
    partners = (Instance(name=f"{name.lower()}-api", system="api_client", suppliers=(name,), owner=name) for name in PARTNERS)
    portal = Instance(name="portal", system="api_client", owner="applications")
    return msgspec.structs.replace(base, instances=(*counterparts, portal, *partners))


@asynccontextmanager
async def opened(folder: Path, everyone: Mapping[str, Caller]) -> AsyncIterator[Gateway]:
    """The gateway over the day that lies in the folder; no counterpart answers."""
    journal = open_journal(str(folder / "suture.db"), load_or_create_key(folder / "blobs.key"))
    wiring = Wiring(journal, whole(), privacy_key=load_or_create_key(folder / "privacy.key"))
    service = Service(wiring, SystemClock(), {})
    await service.start(driven=True)
    gateway = assembled(service, Believing(everyone), Access(), limits=_WIDE)
    try:
        yield gateway
    finally:
        await gateway.close()
        await service.stop()
        journal.close()


def known_in(folder: Path) -> Known:
    """Whose is what, from the register of the day."""
    journal = open_journal(str(folder / "suture.db"), load_or_create_key(folder / "blobs.key"))
    register = Register()
    try:
        while register.catch_up(journal):
            pass
        rows = [row for kind in ("order", "invoice", "payment", "shipment") for row in register.rows(kind, limit=100_000)]
    finally:
        register.close()
        journal.close()
    return Known({supplier: [row.id for row in rows if row.supplier == supplier] for supplier in SUPPLIERS})


def prove(task: Task) -> Result:
    """A day, then the attack; skipped where schemathesis is not installed."""
    folder = task.folder / "day"
    folder.mkdir()
    asyncio.run(Demo(folder, seed=SEED, requisitions=task.of(REQUISITIONS, 30), usages=task.of(USAGES, 10)).run())
    known, everyone = known_in(folder), callers()
    every = [*operations().values(), *system_apis(whole(), found("suture.systems", "SYSTEM", System)).values()]
    contract: dict[str, Any] = msgspec.json.decode(document(every))
    try:
        with served(opened(folder, everyone)) as address:
            seen = attack(
                Attack(
                    contract=contract,
                    address=address,
                    callers={name: {NAMED: name} for name in everyone},
                    known=[id for ids in known.by_supplier.values() for id in ids[:8]],
                    leak=_leak(known, everyone),
                    cases=task.of(CASES, 2),
                    seed=SEED,
                    tell=task.tell,
                )
            )
    except Missing as missing:
        return Result(held=False, skipped=f"schemathesis is not installed ({missing}): pip install --group dev")
    return _result(seen, len(every), len(everyone))


def _whole(id: str, answer: str) -> bool:
    """Whether it stands there by itself: a requisition's second order is called like its first, with "-2" behind it."""
    return re.search(rf"(?<![\w-]){re.escape(id)}(?![\w-])", answer) is not None


def _leak(known: Known, everyone: Mapping[str, Caller]) -> Any:
    hidden = {name: known.others(caller.supplier) for name, caller in everyone.items() if caller.supplier}

    def leak(who: str, sent: str, answer: str) -> str:
        return next((id for id in hidden.get(who, ()) if id in answer and id not in sent and _whole(id, answer)), "")

    return leak


def _result(seen: Attacked, operations: int, callers: int) -> Result:
    rows = tuple((str(status), f"{count:,}") for status, count in sorted(seen.statuses.items()))
    lines = (
        f"{seen.calls:,} calls of {operations} operations in the names of {callers} callers; no counterpart answered, so that "
        "every live question ended as unknown.",
        f"{len(seen.errors)} server errors, {len(seen.undocumented)} answers that the contract does not promise, "
        f"{len(seen.leaks)} that told a partner of another's documents.",
        *[*seen.errors, *seen.undocumented, *seen.leaks][:20],
    )
    figures = {"calls": seen.calls, "errors": len(seen.errors), "undocumented": len(seen.undocumented), "leaks": len(seen.leaks)}
    table = Table(title="Answers by status", columns=("status", "answers"), rows=rows)
    return Result(held=seen.held, lines=lines, tables=(table,), figures=dict(figures))


PART = Part(name="gateway", order=12, title="The gateway's contract under attack", minutes=40, run=prove)

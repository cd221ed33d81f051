"""The person whom exceptions ask about deliveries in doubt: looks at what the counterpart holds, and confirms or releases."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime
from pathlib import Path

from prove.count import drained, journal_of
from prove.house import House
from suture.journal import Delivery, Unavailable
from suture.journal.blobs import load_or_create_key
from suture.model import Decision, Document, PaymentInstruction, PurchaseOrder, Ref, Remittance
from suture.runtime.command import NoSuchThing, Stale, command
from suture.runtime.network import read_network
from suture.runtime.wiring import Wiring

#: How often the clerk looks at the list, in seconds; what was there at the last look as well is attended to.
LOOK_S = 6.0


class Clerk:
    """Works until cancelled; ``answered`` counts decisions."""

    def __init__(self, house: House, folder: Path, database: str) -> None:
        self.house, self.answered = house, 0
        self._folder, self._database = folder, database
        self._numbers = itertools.count(1)

    async def work(self) -> None:
        """Look at the list again and again."""
        journal = await asyncio.to_thread(journal_of, self._folder, self._database)
        try:
            network = read_network(self._folder / "network.toml")
            wiring = Wiring(journal, network, privacy_key=load_or_create_key(self._folder / "privacy.key"))
            seen: set[tuple[str, int]] = set()
            while True:
                await asyncio.sleep(LOOK_S)
                seen = await asyncio.shield(asyncio.to_thread(self._look, wiring, seen))
        finally:
            journal.close()

    def _look(self, wiring: Wiring, seen: set[tuple[str, int]]) -> set[tuple[str, int]]:
        try:
            waiting = [
                delivery for status in ("awaiting", "parked") for delivery in wiring.journal.open_deliveries(status=status)
            ]
            for delivery in waiting:
                if (delivery.id, delivery.attempts) in seen:
                    self._answer(wiring, delivery)
        except Unavailable:  # the next look
            return seen
        return {(delivery.id, delivery.attempts) for delivery in waiting}

    def _answer(self, wiring: Wiring, delivery: Delivery) -> None:
        subject = Ref("Delivery", delivery.id)
        known = wiring.journal.find(subject)
        if not known:  # nobody has asked yet
            return
        verb = "confirm" if _held(self.house, delivery.instance, delivery.document) else "release"
        now = datetime.now(UTC)
        decision = Decision(
            id=f"clerk-{next(self._numbers)}",
            subject=subject,
            verb=verb,
            actor="clerk-1",
            at=now,
            reason="the counterpart was asked",
            position=known[-1].position,
        )
        try:
            command(wiring, decision, now)
        except (NoSuchThing, Stale):  # its word has come in the meantime
            return
        self.answered += 1


async def attended(house: House, database: str = "", folder: Path | None = None, limit_s: float = 3600.0) -> tuple[str, int]:
    """As ``drained``, with somebody whom exceptions ask; also how much was answered."""
    clerk = Clerk(house, folder or house.folder, database)
    working = asyncio.create_task(clerk.work())
    try:
        left = await drained(house, database, folder, limit_s=limit_s)
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    return left, clerk.answered


def _held(house: House, instance: str, document: Document) -> bool:
    """Whether the counterpart has it."""
    twin = house.stage.file_twins()[instance]
    match document:
        case PurchaseOrder():
            return any(order.id == document.id for order in getattr(twin, "orders", ()))
        case Remittance():
            return any(one.payment == document.payment for one in getattr(twin, "remittances", ()))
        case PaymentInstruction():
            return any(one.id == document.id for one in getattr(twin, "payments", ()))
        case _:
            return False

"""Traces and metrics over OTLP: judged by a collector that nobody here wrote, and empty of content."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from suture.journal import Event
from suture.model import BankAccount, Delivered, Money, PaymentInstruction, Quantity, Ref, Usage
from suture.runtime import otlp
from suture.runtime.exporting import Exporting
from suture.runtime.network import Telemetry
from suture.runtime.share import TRACES
from suture.runtime.telemetry import Tally, Times, standing
from suture.sandbox.still import Still
from suture.transports import NotSent
from suture.transports.link import open_link
from tests.runtime.house import NOON, arrival, house, order
from tests.runtime.loopback import free_port

AMOUNT = Decimal("4711.00")


class Collector:
    """A running rotel, and what it says that it has understood."""

    def __init__(self, program: Path, log: Path) -> None:
        self.address, grpc = f"http://127.0.0.1:{free_port()}", free_port()
        said = ("--debug-log", "traces", "--debug-log", "metrics", "--debug-log-verbosity", "detailed")
        ways = ("--otlp-http-endpoint", self.address[7:], "--otlp-grpc-endpoint", f"127.0.0.1:{grpc}", "--exporter", "blackhole")
        self._log = log.open("wb")
        self.process = subprocess.Popen([program, "start", *ways, *said], stdout=self._log, stderr=subprocess.STDOUT)
        self.path = log

    def heard(self, words: str, limit_s: float = 15.0) -> str:
        """Everything it has printed, once these words are in it."""
        deadline = time.monotonic() + limit_s
        while words not in (text := self.path.read_text("utf-8", "replace")):
            assert time.monotonic() < deadline, f"{words!r} is not in {text[-2000:]}"
            time.sleep(0.05)
        return text

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        self._log.close()


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    found = importlib.util.find_spec("rotel")
    if found is None or found.origin is None:
        pytest.skip("rotel is not installed")
    collector = Collector(Path(found.origin).parent / "rotel-agent", tmp_path / "rotel.log")
    collector.heard("Starting Rotel")
    yield collector
    collector.stop()


async def directly(step: Callable[[], Any]) -> Any:
    return step()


def exporting(still: Still, address: str, tally: Tally | None = None) -> Exporting:
    async def stands() -> Any:
        return standing(still.wiring, still.delivering, still.clock.now())

    link = open_link(address, clock=still.clock.now, timeout_s=5)
    telemetry = Telemetry(otlp=address)
    return Exporting(still.wiring, telemetry, link, still.clock, directly, tally=tally or Tally(), stands=stands)


def lived() -> Still:
    """Two orders taken in, decided and delivered."""
    still, _ = house()
    still.accept(arrival(order("PO-1")), arrival(order("PO-2")))
    still.until(NOON + timedelta(hours=1))
    return still


async def _traced(still: Still, address: str) -> int:
    export = exporting(still, address)
    count = 0
    while came := await export.traces():
        count += came
    await export.link.close()
    return count


def test_a_real_collector_understands_every_span(collector: Collector) -> None:
    still = lived()
    facts = still.wiring.journal.read(0, 1000)
    assert asyncio.run(_traced(still, collector.address)) == len(facts)
    said = collector.heard("deliver OrderStatus")
    for words in (
        "service.name: Str(suture)",
        "suture.counterpart: Str(peer)",
        "suture.process: Str(teller)",
        "SPAN_KIND_SERVER",
    ):
        assert words in said
    assert len(set(re.findall(r"    ID +: (\w{16})", said))) == len(facts)
    assert set(re.findall(r"Parent ID +: (\w{16})", said)) <= set(re.findall(r"    ID +: (\w{16})", said))
    assert len(set(re.findall(r"Trace ID +: (\w{32})", said))) == 2, "one trace for each message"
    assert asyncio.run(_traced(still, collector.address)) == 0, "what was taken is not exported again"


async def _measured(still: Still, address: str, tally: Tally) -> None:
    export = exporting(still, address, tally)
    await export.metrics()
    await export.link.close()


def test_a_real_collector_understands_the_metrics(collector: Collector) -> None:
    still, _ = house()
    still.accept(arrival(order("PO-1")))
    tally = Tally()
    still.settle()
    still.delivering.paused = {"peer"}
    still.accept(arrival(order("PO-2")))
    still.settle()
    tally.messages["peer", "in", "accepted"] = 2
    tally.delivered.setdefault(("peer", "OrderStatus"), Times()).add(0.2)
    asyncio.run(_measured(still, collector.address, tally))
    said = collector.heard("suture.open_deliveries")
    for words in ("suture.messages", "suture.delivery.duration", "suture.breaker", "suture.counterpart: Str(peer)"):
        assert words in said


def test_a_collector_that_is_away_delays_nothing_and_loses_no_trace() -> None:
    still = lived()
    address = f"http://127.0.0.1:{free_port()}"

    async def story() -> None:
        export = exporting(still, address)
        with pytest.raises(NotSent):
            await export.traces()
        assert await export._survive(export.traces()) == 0
        assert export.trouble
        await export.link.close()

    asyncio.run(story())
    assert still.wiring.journal.cursor(TRACES) == 0


def test_the_same_fact_is_the_same_span() -> None:
    row = lived().wiring.journal.read(0, 1)[0]
    assert otlp.span(row.event) == otlp.span(row.event)


def span_of(data: Any, **more: Any) -> str:
    event = Event(once="E1#0", kind="emitted", source="test", at=NOON, data=data, root="E1#0", **more)
    return json.dumps([otlp.span(event).name, otlp.span(event).attributes])


def test_no_span_holds_money_an_account_or_a_number_about_a_patient() -> None:
    account = BankAccount(holder="Alder Medical", number="9876543210")
    payment = PaymentInstruction(
        id="PAY-1",
        entity="NORTH",
        supplier="ALDER",
        creditor=account,
        amount=Money(AMOUNT, "USD"),
        execute_on=NOON.date(),
        invoices=("ALDER:77",),
        text="for the wedding",
    )
    said = span_of(payment)
    assert "PAY-1" in said
    assert "ALDER" in said
    assert not [word for word in ("9876543210", "Alder Medical", "4711", "wedding") if word in said]
    usage = Usage(
        id="USE-1",
        kind="used",
        item="STENT",
        quantity=Quantity(AMOUNT, "EA"),
        place="OR",
        used_at=NOON,
        encounter="ENC-9",
        patient="PAT-9",
        lot="L-77",
        serial="SN-5",
    )
    end = Delivered(
        delivery="D-1",
        role="erp",
        instance="erp-north",
        document=Ref("StockMovement", "SM-USE-1"),
        outcome="done",
        at=NOON,
        causes=(Ref("Usage", "USE-1", "cause"),),
    )
    for data in (usage, end):
        assert not [word for word in ("USE-1", "ENC-9", "PAT-9", "SN-5", "L-77") if word in span_of(data)]


def test_a_failure_is_a_status() -> None:
    end = {"delivery": "D-1", "role": "erp", "instance": "erp", "document": Ref("Invoice", "A"), "at": NOON}
    event = Event(once="D-1!refused/3", kind="settled", source="erp", at=NOON, data=Delivered(**end, outcome="refused"))
    assert otlp.span(event).status == {"code": otlp.ERROR}
    assert {"key": "suture.attempts", "value": {"intValue": "3"}} in otlp.span(event).attributes

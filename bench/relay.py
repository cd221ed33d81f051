"""The relay: the same work that an integration engine is given: one message in, decided under its key, one JSON document out.

The network is two instances and a thousand items whose codes differ on both sides. Everything but the process is the product's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct, structs

from suture.journal import Event
from suture.model import Crosswalk, Document, GoodsReceipt, Item, Quantity, ReceivedLine, StockMovement, Usage, encode
from suture.processes import Effect, Process, Seen, Send
from suture.processes.cast import quantity

ITEMS = 1000
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class Relay(Struct, frozen=True):
    """What was relayed under one key: how much, and the last document."""

    phase: str = "open"
    count: int = 0
    last: str = ""


def used(state: Relay, event: Event, seen: Seen) -> tuple[Relay, Sequence[Effect]]:
    """A usage is told to the inventory as a movement."""
    usage = event.data
    assert isinstance(usage, Usage)
    item: Item = seen.one(Item, usage.item)
    movement = StockMovement(
        id=f"MV-{usage.id}",
        item=usage.item,
        place=usage.place,
        quantity=Quantity(-usage.quantity.value, item.unit),
        reason="usage",
        at=usage.used_at,
        cause=usage.id,
        lot=usage.lot,
        serial=usage.serial,
    )
    after = structs.replace(state, count=state.count + 1, last=usage.id)
    return after, (Send(role="inventory", document=movement, key=seen.key),)


def received(state: Relay, event: Event, seen: Seen) -> tuple[Relay, Sequence[Effect]]:
    """A receipt is told to the ERP."""
    receipt = event.data
    assert isinstance(receipt, GoodsReceipt)
    after = structs.replace(state, count=state.count + 1, last=receipt.id)
    return after, (Send(role="erp", document=receipt, key=seen.key),)


def key_of(document: Document) -> tuple[str, ...]:
    """The stock of a usage, the order of a receipt."""
    match document:
        case Usage(item=item, place=place):
            return (f"{item}@{place}",)
        case GoodsReceipt(order=order):
            return (order,)
    return ()


def needs(state: Relay, event: Event) -> list[tuple[type[Document], str]]:
    """The item of a usage."""
    return [(Item, event.data.item)] if isinstance(event.data, Usage) else []


PROCESS = Process(
    name="relay",
    title="Relay",
    version=1,
    owner="bench",
    key=key_of,
    state=Relay,
    on={Usage: used, GoodsReceipt: received},
    needs=needs,
    phases=("open",),
)


# -- the network


def write_network(folder: Path, sink: int, port: int, mllp: int) -> Path:
    """The network file with its master data; ``sink`` is the port of the one who receives."""
    masters = folder / "masters"
    masters.mkdir()
    (masters / "all.jsonl").write_bytes(b"\n".join(map(encode, _masters())))
    fast = "rate_per_s = 1000000\nconcurrency = 64\n"
    instances = [
        f'name = "ehr"\nsystem = "ehr_mllp"\nlisten = {{ charges = "mllp://127.0.0.1:{mllp}" }}\n',
        f'name = "inventory"\nsystem = "inventory_rest"\nrole = "inventory"\naddress = "http://127.0.0.1:{sink}"\n{fast}',
        f'name = "erp"\nsystem = "erp_rest"\nrole = "erp"\naddress = "http://127.0.0.1:{sink}"\n{fast}',
    ]
    path = folder / "network.toml"
    head = f'name = "bench"\nmasters = "masters"\nport = {port}\n'
    path.write_text(head + "".join(f"\n[[instances]]\n{instance}" for instance in instances))
    return path


def _masters() -> Iterable[Document]:
    yield Crosswalk(system="ehr", kind="place", local="NORTH/OR1", golden="OR-1")
    for number in range(ITEMS):
        yield Item(id=f"IT-{number:04}", name=f"Suture, absorbable, no. {number}", unit="EA")
        for system, code in _codes(number).items():
            yield Crosswalk(system=system, kind="item", local=code, golden=f"IT-{number:04}")


def _codes(number: int) -> Mapping[str, str]:
    return {"ehr": f"CDM{400_000 + number}", "inventory": f"SKU-{number:05}", "erp": f"M{number:08}"}


# -- the messages; an id ends with its key and its place under that key


def charge(key: int, place: int) -> tuple[str, bytes]:
    """A DFT^P03 of 2 kB about one item used: the id under which it goes out, and the bytes."""
    id = f"T-{key:04}-{place:06}"
    segments = (
        f"MSH|^~\\&|OR|NORTH|SUTURE|GROUP|20260302101500||DFT^P03^DFT_P03|{id}|P|2.5.1",
        "EVN|P03|20260302101500",
        f"PID|1||M-{7000 + place}^^^NORTH^MR||TESTPATIENT^ALEX^Q||19700229|F|||12 SAMPLE ST^^TESTTOWN^ZZ^00000||555-0100",
        f"PV1|1|I|OR1^^^NORTH||||1234^EXAMPLE^DOC||||||||||||V-{9000 + place}^^^NORTH^VN|||||||||||||||||||||||||20260302070000",
        *(f"DG1|{n}||I25.{n}^Invented diagnosis number {n}^I10|||A" for n in range(1, 5)),
        f"FT1|1|{id}||20260302094500||CG|CDM{400_000 + key}^Suture, absorbable^L|||1|||||||||OR1^^^NORTH||||||||92928^Closure^C4",
        "PR1|1||92928^Closure^C4|Closure of the wound|20260302094500|I",
        "GT1|1||TESTPATIENT^ROBIN||12 SAMPLE ST^^TESTTOWN^ZZ^00000|555-0101|||||SPO",
        "IN1|1|PLAN-A|INS-1|Invented Health Insurance|1 SAMPLE SQUARE^^TESTTOWN^ZZ^00000|||G-100||||||||TESTPATIENT^ALEX|SEL",
        "IN1|2|PLAN-B|INS-2|Another Invented Insurance|2 SAMPLE SQUARE^^TESTTOWN^ZZ^00000|||G-200||||||||TESTPATIENT^ALEX|SEL",
        *(f"OBX|{n}|ST|{n}00^Observation of theatre {n}^L||value number {n} of the invented case||||||F" for n in range(1, 13)),
    )
    return f"MV-{id}", "\r".join((*segments, "")).encode()


def receipt(key: int, place: int) -> tuple[str, bytes]:
    """A receipt of 21 lines as JSON: the id under which it goes out, and the bytes (2 kB)."""
    id = f"GR-{key:04}-{place:06}"
    lines = tuple(
        ReceivedLine(
            line=line, item=_codes((key + line) % ITEMS)["inventory"], quantity=quantity("5", "BX"), lot=f"L-{key:04}-{line}"
        )
        for line in range(1, 22)
    )
    document = GoodsReceipt(id=id, order=f"PO-{key:06}", place="DOCK-N", received_at=NOON, lines=lines, receiver="P-DOCK")
    return id, encode(document)


MESSAGES = {"mllp": charge, "http": receipt}

"""What the linter asks of events: a name that follows the convention, a whole contract, an example that holds, nobody broken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from suture.gateway.events.asyncapi import asyncapi, unversioned
from suture.gateway.events.contract import CONTRACTS, NAME, EventContract
from suture.gateway.events.samples import SAMPLES
from suture.model import Document, Finding
from suture.views.events import CROSSING, MAJOR


def event_findings(published: Path | None, contracts: Mapping[type[Document], EventContract] = CONTRACTS) -> tuple[Finding, ...]:
    """What is wrong with the contracts of events; ``published`` is the folder of what was promised, None if it is not at hand."""
    found = [*_complete(contracts)]
    for contract in contracts.values():
        found += _contract(contract)
    if not found and published is not None:
        found += _compatible(published)
    return tuple(found)


def _complete(contracts: Mapping[type[Document], EventContract]) -> Iterator[Finding]:
    for kind in CROSSING:
        if kind not in contracts:
            text = "it crosses the border without a contract: add one to gateway/events/contract.py"
            yield Finding(code="no_contract", path=f"events.{kind.__name__}", text=text)
    for kind in contracts:
        if kind not in CROSSING:
            text = "it has a contract and does not cross the border: let it out in views/events.py or withdraw the contract"
            yield Finding(code="never_said", path=f"events.{kind.__name__}", text=text)


def _contract(contract: EventContract) -> Iterator[Finding]:
    path = f"events.{contract.name}"
    for name in ("owner", "reads", "kinds", "title"):
        if not getattr(contract, name):
            yield Finding(code=f"no_{name}", path=path, text=f"every event has {name}: say it in its contract")
    for type in contract.types:
        if not NAME.fullmatch(type):
            text = "an event is named suture.NOUN.KIND.vMAJOR, in lower case with underscores between words"
            yield Finding(code="bad_name", path=f"events.{type}", text=text)
    if contract.document not in SAMPLES:
        yield Finding(code="no_example", path=path, text="every event has an example: add one to gateway/events/samples.py")
    if contract.data_class == "patient":
        yield Finding(code="patient_data", path=path, text="nothing about a patient crosses the border")


def _compatible(published: Path) -> Iterator[Finding]:
    lock = published / f"asyncapi-{MAJOR}.json"
    if not lock.is_file():
        text = "what was promised is not at hand: `make docs` writes it, and it is kept under version control"
        yield Finding(code="unpublished", path=str(lock), text=text, severity="warning")
        return
    for change in _unversioned(lock):
        yield Finding(code="unversioned_change", path=f"events{change[0]}", text=change[1])


def _unversioned(lock: Path) -> Iterable[tuple[str, str]]:
    for change in unversioned(msgspec.json.decode(lock.read_bytes()), asyncapi()):
        needed = "major" if change.kind == "breaking" else "minor"
        yield change.path, f"{change.text}: raise the {needed} version in model/schema.py, and `make docs`"

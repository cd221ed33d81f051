"""System APIs: what each connected system lists and accepts, behind the canonical documents, derived from its declaration."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from suture.gateway import samples
from suture.gateway.access import About
from suture.gateway.answers import HeldPage, HeldRow
from suture.gateway.operation import Accepted, Answering, Criticality, Example, Given, Inside, Operation, Part, Said
from suture.model import Acknowledgement, Document, PaymentInstruction
from suture.runtime.network import Instance, Network
from suture.systems import Listing, System

_WORD = re.compile(r"[A-Z][a-z0-9]*")
#: What is never brought by hand: acknowledgements are of messages, and money leaves through its releases alone.
_NEVER = (Acknowledgement, PaymentInstruction)


def system_apis(network: Network, systems: Mapping[str, System]) -> dict[str, Operation]:
    """The operations of all instances that are called by us."""
    made = [each for instance in network.instances if instance.mode != "retired" for each in _of(instance, systems)]
    return {operation.name: operation for operation in made}


def _of(instance: Instance, systems: Mapping[str, System]) -> Iterator[Operation]:
    system = systems.get(instance.system)
    if system is None or not instance.address:
        return
    for listing in system.lists:
        yield _list(instance, system, listing)
    for kind in system.accepts:
        if kind not in _NEVER:
            yield _bring(instance, system, kind)


# -- what it holds


def _list(instance: Instance, system: System, listing: Listing) -> Operation:
    noun = listing.name.replace(" ", "-")
    return Operation(
        name=f"{instance.name}.list_{noun.replace('-', '_')}",
        title=f"{instance.name}: {listing.name}",
        text=f"What {system.title} says that it holds, a page of its own list at a time, asked there or told from a moment ago.",
        layer="system",
        method="GET",
        path=f"/{instance.name}/{noun}",
        gives=HeldPage,
        answer=_reading(instance, listing.name),
        paged=True,
        permission="systems.read",
        owner=instance.owner or "operations",
        data_class="financial",
        quota="bulk",
        latency_ms=2000,
        criticality=Criticality(tolerance_s=3_600, volume_per_day=200, recovery="retry"),
        rests_on=(instance.name,),
        examples=(Example(answer=_EXAMPLE),),
    )


_ROW = HeldRow(reference="PO-R-1", number="4500000017", amount=samples.FORTY, lines=None, state="open", at=None)
_EXAMPLE = HeldPage(items=(_ROW,), heard=Part(source="erp-north", state="heard", at=samples.AT, age_s=0.0))


def _reading(instance: Instance, listing: str) -> Answering:
    whose = _whose(instance)

    async def answer(given: Given, inside: Inside) -> Said:
        rows, after, heard = await inside.rows(instance.name, listing, given.after)
        return Said(value=HeldPage(items=tuple(map(_row, rows)), heard=heard), about=whose, next=after)

    return answer


def _row(held: Any) -> HeldRow:
    lines = None if held.lines is None else dict(held.lines)
    return HeldRow(reference=held.reference, number=held.number, amount=held.amount, lines=lines, state=held.state, at=held.at)


def _whose(instance: Instance) -> Sequence[About]:
    """Everything that the instance serves; a caller narrowed to less may not see its lists."""
    entities = [About(entity=entity) for entity in instance.entities]
    facilities = [About(facility=facility) for facility in instance.facilities]
    return (*entities, *facilities) or (About(),)


# -- what it accepts


def _bring(instance: Instance, system: System, kind: type[Document]) -> Operation:
    noun = "-".join(_WORD.findall(kind.__name__)).lower()
    whose = _whose(instance)

    async def about(document: Document, inside: Inside) -> Sequence[About]:
        said = About(entity=str(getattr(document, "entity", "")), facility=str(getattr(document, "facility", "")))
        return (*whose, said)

    async def fits(given: Given, document: Document, inside: Inside) -> str:
        served = instance.serves(
            entity=str(getattr(document, "entity", "")),
            facility=str(getattr(document, "facility", "")),
            supplier=str(getattr(document, "supplier", "")),
        )
        return "" if served else f"{instance.name} does not serve this entity, facility or supplier"

    return Operation(
        name=f"{instance.name}.bring_{noun.replace('-', '_')}",
        title=f"{instance.name}: bring a {kind.__name__}",
        text=(
            f"Owes the document to {instance.name} directly, without any process: for migration and repair. It is delivered "
            f"once, in order, and its outcome is found out like any other's ({system.accepts[kind].outcome})."
        ),
        layer="system",
        method="POST",
        path=f"/{instance.name}/{noun}",
        takes=(kind,),
        gives=Accepted,
        permission="systems.write",
        owner=instance.owner or "operations",
        data_class="financial",
        quota="bulk",
        latency_ms=500,
        criticality=Criticality(tolerance_s=3_600, volume_per_day=200, recovery="retry"),
        about=about,
        fits=fits,
        brings_to=instance.name,
        rests_on=(instance.name,),
        examples=tuple(Example(document=each) for each in samples.DOCUMENTS if type(each) is kind),
    )

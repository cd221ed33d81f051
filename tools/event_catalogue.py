"""The page of events: every type with its owner, version, class, retention and an example, told from its contract."""

from __future__ import annotations

import msgspec

from suture.gateway.events.contract import CONTRACTS, EventContract
from suture.gateway.events.samples import sample
from suture.model.schema import SCHEMA_VERSION
from suture.views.events import CROSSING, MAJOR, written

HEAD = f"""# The catalogue of events

This page is generated from the contracts, by `make docs`. Do not edit it. How to hear them: [events](events.md).
The same as AsyncAPI 3: [`asyncapi-{MAJOR}.json`](schema/asyncapi-{MAJOR}.json), or `suture events --asyncapi FILE`.

Schema version {SCHEMA_VERSION}. An event is named `suture.NOUN.KIND.vMAJOR`. `accepted`: a partner said it. `emitted`: a process
decided it. `settled`: a counterpart took or refused it. `commanded`: a person or the master data. What breaks those who listen
needs a new major version, and so new names; `suture check` and `make docs` refuse it otherwise.

| event | what | owner | class | level | heard with | partners | kept |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""


def event_catalogue() -> str:
    """The whole page as Markdown."""
    contracts = CONTRACTS.values()
    return HEAD + "".join(map(_row, contracts)) + "\n## Examples\n" + "".join(map(_example, contracts))


def _row(contract: EventContract) -> str:
    cells = (
        "<br>".join(f"`{type}`" for type in contract.types),
        contract.title,
        contract.owner.replace("_", " "),
        contract.data_class,
        contract.level,
        f"`{contract.reads}`",
        "their own" if contract.partners else "",
        f"{contract.retention_days} days",
    )
    return f"| {' | '.join(cells)} |\n"


def _example(contract: EventContract) -> str:
    body = msgspec.json.format(written(sample(contract, contract.kinds[0])), indent=1).decode()
    withheld = ", ".join(f"`{name}`" for name in CROSSING[contract.document])
    note = f"Not told: {withheld}.\n\n" if withheld else ""
    return f"\n### {contract.name}\n\n{contract.title}\n\n{note}```json\n{body}\n```\n"

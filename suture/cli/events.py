"""``suture events``: the catalogue of events, and the same as AsyncAPI for those who listen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from suture.cli.output import JsonOption, console, counted, write_json
from suture.cli.tables import plain_table
from suture.gateway.events.asyncapi import asyncapi
from suture.gateway.events.contract import CONTRACTS, EventContract
from suture.runtime.network import read_network


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(events)


def events(
    network: Annotated[str, typer.Argument(metavar="[NETWORK.TOML]", help="Name its servers in the AsyncAPI document.")] = "",
    target: Annotated[str, typer.Option("--asyncapi", metavar="FILE", help="Write the AsyncAPI 3 document.")] = "",
    json: Annotated[str, JsonOption] = "",
) -> None:
    """List the events that others may hear: their types, owners, classes, and how long they can be replayed.

    Examples:

      suture events

      suture events network.toml --asyncapi events.json
    """
    if target:
        document = asyncapi(read_network(Path(network)) if network else None)
        Path(target).write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n")
        console.print(f"{counted(len(document['channels']), 'event type')} written to {target}")
        return
    if json:
        write_json(json, [_plain(contract) for contract in CONTRACTS.values()])
    if json != "-":
        _print()


def _plain(contract: EventContract) -> dict[str, object]:
    return {
        "document": contract.name,
        "title": contract.title,
        "types": contract.types,
        "version": contract.version,
        "owner": contract.owner,
        "data_class": contract.data_class,
        "reads": contract.reads,
        "partners": contract.partners,
        "retention_days": contract.retention_days,
        "level": contract.level,
    }


def _print() -> None:
    table = plain_table("Events", "type", "owner", "class", "level", "heard with", "kept, days")
    for column in table.columns[1:5]:
        column.justify = "left"
    for contract in CONTRACTS.values():
        for type in contract.types:
            kept = f"{contract.retention_days:,}"
            table.add_row(type, contract.owner, contract.data_class, contract.level, contract.reads, kept)
    console.print(table)

"""``suture feed``: what happened as tables for analytics, with schema, lineage and freshness, added up against the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from suture.cli.output import JournalOption, JsonOption, books_file, console, counted, existing_journal, fail, write_json
from suture.cli.tables import plain_table
from suture.gateway.events.contract import CONTRACTS
from suture.model import Document
from suture.runtime.clock import SystemClock
from suture.runtime.network import read_network
from suture.views.feed import Feed, NotThisFeed, Write, differences, extend, feed_of, write_lines
from suture.views.kept import kept_books
from suture.views.ledger import balance


class Form(StrEnum):
    """How rows are written."""

    PARQUET = "parquet"
    JSONL = "jsonl"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("feed")(write_feed)


def write_feed(
    target: Annotated[str, typer.Argument(metavar="DIR", help="The folder of the feed; what is new is added to it.")],
    journal: Annotated[str, JournalOption] = ".",
    form: Annotated[Form, typer.Option("--format", help="Parquet (pip install 'suture[archive]') or JSON Lines.")] = Form.PARQUET,
    network: Annotated[str, typer.Option(metavar="NETWORK.TOML", help="Whose events they are.")] = "",
    json: Annotated[str, JsonOption] = "",
) -> None:
    """Write what may leave as one table for each type of document, and what is new at each further run.

    Nothing about patients, bank accounts or free words leaves; feed.json says how many rows were withheld, where all others come
    from, and under which seal. Exit code 1 if the feed does not add up to the ledger.

    Examples:

      suture feed lake -j day

      suture feed lake -j day --format jsonl --json -
    """
    opened, folder = existing_journal(journal)
    try:
        name = read_network(Path(network)).name if network else "suture"
        feed = feed_of(Path(target), name, form.value)
        with kept_books(opened, books_file(journal, folder)) as books:
            [(upto,)] = books.rows("select position from mark")
            accepted = {kind: sum(states.values()) for kind, states in balance(books).by_name.items()}
        feed = extend(opened, Path(target), feed, upto, SystemClock().now(), _writer(form), _contracts())
    except NotThisFeed as error:
        fail(str(error), "name another folder, or the network and format that it was begun with")
    finally:
        opened.close()
    wrong = differences(feed, accepted) if feed.position == upto else ["the feed is ahead of this journal"]
    if json:
        write_json(json, {"feed": feed, "adds_up": not wrong, "differences": wrong})
    if json != "-":
        _print(feed, wrong)
    raise typer.Exit(1 if wrong else 0)


def _writer(form: Form) -> Write:
    if form is Form.JSONL:
        return write_lines
    try:
        from suture.views.feed_parquet import write_parquet
    except ImportError:
        fail("Parquet needs pyarrow", "pip install 'suture[archive]', or --format jsonl")
    return write_parquet


def _contracts() -> Mapping[type[Document], Mapping[str, Any]]:
    return {
        kind: {
            "owner": contract.owner,
            "data_class": contract.data_class,
            "retention_days": contract.retention_days,
            "level": contract.level,
            "title": contract.title,
            "criticality": msgspec.to_builtins(contract.criticality),
        }
        for kind, contract in CONTRACTS.items()
    }


def _print(feed: Feed, wrong: list[str]) -> None:
    table = plain_table("The feed", "table", "owner", "class", "rows", "withheld", "amount", "systems")
    for name, dataset in sorted(feed.datasets.items()):
        amounts = ", ".join(f"{amount:,} {currency}" for currency, amount in sorted(dataset.amounts.items()))
        contract = dataset.contract
        table.add_row(
            *(name, contract.get("owner", ""), contract.get("data_class", "")),
            *(f"{dataset.rows:,}", f"{sum(dataset.withheld.values()):,}", amounts, str(len(dataset.sources))),
        )
    console.print(table)
    sealed = f"sealed up to {feed.seal.position}" if feed.seal else "not sealed yet"
    rows = sum(dataset.rows for dataset in feed.datasets.values())
    _line(f"{counted(rows, 'row')} up to position {feed.position}, {sealed}")
    _line("adds up to the ledger" if not wrong else f"does not add up to the ledger: {'; '.join(wrong)}")


def _line(text: str) -> None:
    console.print(text, soft_wrap=True, markup=False)

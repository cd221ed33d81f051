"""``suture changes``: every deployment with its tests, who approved it, and how one goes back."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from suture.cli.output import JournalOption, JsonOption, console, existing_journal, fail, write_json
from suture.gateway.governance.changes import Change, NotEvident, changes, read_tests, record
from suture.runtime.clock import SystemClock


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("changes")(keep_record)


def keep_record(
    version: Annotated[str, typer.Argument(help="The version that is deployed; without it the record is listed.")] = "",
    journal: Annotated[str, JournalOption] = ".",
    tests: Annotated[list[Path] | None, typer.Option(metavar="JUNIT.XML", help="A report of tests; may be given again.")] = None,
    network: Annotated[str, typer.Option(metavar="NETWORK.TOML", help="The network file that is deployed with it.")] = "",
    author: Annotated[str, typer.Option(help="Who deploys; you by itself.")] = "",
    approver: Annotated[str, typer.Option(help="Who else approved it.")] = "",
    reason: Annotated[str, typer.Option(help="What it is for.")] = "",
    rollback: Annotated[str, typer.Option(help="How one goes back.")] = "",
    rehearsed: Annotated[int, typer.Option(metavar="MINUTES", help="In how many minutes the way back was rehearsed.")] = 0,
    json: Annotated[str, JsonOption] = "",
) -> None:
    """List deployments, or record one: never without passing tests, another person's approval and a rehearsed way back.

    Examples:

      suture changes -j day

      suture changes 0.2.0 --tests report.xml --approver ben --reason "webhooks" --rollback "image 0.1.0" --rehearsed 6 -j day
    """
    opened, _ = existing_journal(journal)
    try:
        if not version:
            _list(changes(opened), json)
            return
        made = record(
            opened,
            version,
            [read_tests(path) for path in tests or ()],
            author=author or getpass.getuser(),
            approver=approver,
            reason=reason,
            rollback=rollback,
            rehearsed_min=rehearsed,
            network=Path(network).read_bytes() if network else b"",
            now=SystemClock().now(),
        )
    except (NotEvident, ValueError) as error:
        fail(f"{version} is not recorded: {error}", "`suture changes --help` has an example", 1)
    finally:
        opened.close()
    _list([made], json)


def _list(known: list[Change], json: str) -> None:
    if json:
        write_json(json, known)
        return
    for each in known:
        passed, skipped = (sum(getattr(report, name) for report in each.tests) for name in ("passed", "skipped"))
        hands = f"by {each.author}, approved by {each.approver}"
        _line(f"{each.at:%Y-%m-%d %H:%M} {each.version} after {each.before or 'nothing'}, {hands}: {each.reason}")
        _line(f"    {passed:,} tests passed, {skipped:,} skipped; back in {each.rehearsed_min} min: {each.rollback}")
    if not known:
        _line("no deployment was recorded")


def _line(text: str) -> None:
    console.print(text, soft_wrap=True, markup=False)

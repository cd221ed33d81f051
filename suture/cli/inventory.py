"""``suture inventory``: every interface with method, owner, risk, retirement date and observed traffic; may one go?"""

from __future__ import annotations

import getpass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from suture.cli.output import JournalOption, JsonOption, console, counted, existing_journal, fail, write_json
from suture.cli.tables import plain_table
from suture.gateway.governance.inventory import Interface, MayNot, installed, inventory, may_retire, sign
from suture.gateway.governance.vendor_rules import calendar
from suture.gateway.operation import operations
from suture.gateway.system_apis import system_apis
from suture.journal import Journal
from suture.runtime.clock import SystemClock
from suture.runtime.network import read_network


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("inventory")(take_stock)


def take_stock(
    network: Annotated[str, typer.Argument(metavar="NETWORK.TOML", help="The network file.")],
    journal: Annotated[str, JournalOption] = ".",
    days: Annotated[int, typer.Option(help="Count traffic of so many days; 0 for all.")] = 0,
    retire: Annotated[str, typer.Option(metavar="NAME", help="May this interface be retired? Exit code 1 if not.")] = "",
    quiet_days: Annotated[int, typer.Option(help="For so many days nothing may have passed.")] = 30,
    sign_off: Annotated[str, typer.Option("--sign", metavar="NAME", help="Sign that you can do without this interface.")] = "",
    actor: Annotated[str, typer.Option(help="Who signs; you by itself.")] = "",
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    json: Annotated[str, JsonOption] = "",
) -> None:
    """List every interface: method, owner, risk, retirement date, observed traffic and consumers; unregistered ones last.

    An interface may be retired when nothing has passed for a while, and its owner and all whom it served have signed.
    Exit code 1 if traffic of an unregistered interface was observed.

    Examples:

      suture inventory network.toml -j .

      suture inventory network.toml -j . --sign erp-old/out --actor finance --reason "moved to the new ERP in May"

      suture inventory network.toml -j . --retire erp-old/out
    """
    opened, _ = existing_journal(journal)
    now = SystemClock().now()
    try:
        if sign_off:
            _sign(opened, sign_off, actor or getpass.getuser(), reason, now)
            return
        declared = read_network(Path(network))
        systems, processes = installed()
        apis = {**operations(), **system_apis(declared, systems)}
        rows = inventory(opened, declared, systems, processes, apis, now - timedelta(days=days) if days else None)
        if retire:
            _retire(opened, rows, retire, now, timedelta(days=quiet_days))
            return
    finally:
        opened.close()
    unknown = [row for row in rows if row.mode == "unregistered"]
    if json:
        write_json(json, rows)
    if json != "-":
        _print(rows, unknown)
        _drifts(rows)
        _releases(rows, now.date())
    raise typer.Exit(1 if unknown else 0)


def _sign(journal: Journal, name: str, actor: str, reason: str, now: datetime) -> None:
    try:
        sign(journal, name, actor=actor, reason=reason, now=now)
    except ValueError as error:
        fail(str(error), "add --reason")
    _line(f"{actor} can do without {name}")


def _retire(journal: Journal, rows: tuple[Interface, ...], name: str, now: datetime, quiet: timedelta) -> None:
    row = next((row for row in rows if row.name == name), None)
    if row is None:
        fail(f"there is no interface {name}", "`suture inventory` lists them", 1)
    try:
        may_retire(journal, row, now, quiet)
    except MayNot as error:
        fail(f"{name} may not be retired: {error}", "--sign lets each of them say that it can go", 1)
    _line(f'{name} may be retired: set mode = "retired" in the network file')


def _print(rows: tuple[Interface, ...], unknown: list[Interface]) -> None:
    table = plain_table("Interfaces", "name", "method", "owner", "risk", "until", "passed", "refused", "last", "for")
    for column in table.columns[1:5]:
        column.justify = "left"
    for row in rows:
        last, until = f"{row.last:%d %b %Y}" if row.last else "", str(row.retires_on or "")
        consumers = ", ".join(sorted(row.consumers, key=lambda each: -row.consumers[each])[:3])
        numbers = (f"{row.count:,}", f"{row.refused:,}")
        table.add_row(row.name, row.method, row.owner or "nobody", row.risk, until, *numbers, last, consumers)
    console.print(table)
    silent = sum(not row.count for row in rows)
    _line(f"{counted(len(rows), 'interface')}, {silent:,} without traffic")
    for row in unknown:
        _line(f"unregistered: {row.name}, {row.count:,} passed, the last on {row.last:%Y-%m-%d %H:%M}")


def _drifts(rows: tuple[Interface, ...]) -> None:
    """What counterparts have begun to say otherwise than agreed, the newest first."""
    found = [(row.name, code, drift) for row in rows for code, drift in row.drift.items()]
    for name, code, drift in sorted(found, key=lambda each: each[2].first, reverse=True):
        where = f", last in {drift.path}" if drift.path else ""
        _line(f"not as agreed: {name}, {code} {counted(drift.count, 'time')} since {drift.first:%d %b %Y %H:%M}{where}")


def _releases(rows: tuple[Interface, ...], today: date) -> None:
    """When vendors change their products, once for each counterpart."""
    said = {row.name.partition("/")[0]: words for row in rows if (words := calendar(row.platform, today))}
    for name, words in said.items():
        _line(f"the vendor of {name} releases {words}")


def _line(text: str) -> None:
    console.print(text, soft_wrap=True, markup=False)

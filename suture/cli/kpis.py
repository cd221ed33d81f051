"""``suture kpis``: how the network fares, each figure with what it is made of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import msgspec
import typer

from suture.cli.output import JournalOption, JsonOption, books_file, console, existing_journal, fail, write_json
from suture.cli.tables import plain_table
from suture.kpis import Kpi
from suture.kpis.figures import Figure, figures, parts
from suture.kpis.measures import Narrowed
from suture.runtime.clock import SystemClock
from suture.views.figures import Figures, kept_figures

UNITS = {"hours": " h", "percent": " %", "per_thousand": " per 1,000", "money": ""}


class By(StrEnum):
    """What a figure is broken into."""

    FACILITY = "facility"
    SUPPLIER = "supplier"
    STAGE = "stage"
    KIND = "kind"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("kpis")(show_kpis)


def show_kpis(
    name: Annotated[str, typer.Argument(metavar="[KPI]", help="One KPI, in its parts; all of them without it.")] = "",
    journal: Annotated[str, JournalOption] = ".",
    by: Annotated[By, typer.Option(help="What one KPI is broken into.")] = By.FACILITY,
    facility: Annotated[str, typer.Option(help="Only this facility.")] = "",
    supplier: Annotated[str, typer.Option(help="Only this supplier.")] = "",
    stage: Annotated[str, typer.Option(help="Only this stage: ordering, receiving, invoicing, paying, clinical, masters.")] = "",
    days: Annotated[int, typer.Option(min=0, help="Only the last so many days; 0 for all.")] = 0,
    at: Annotated[datetime | None, typer.Option(metavar="TIME", help="As of this time, UTC; now if left out.")] = None,
    json: Annotated[str, JsonOption] = "",
) -> None:
    """Show the key figures against their targets, or one of them in its parts; parts always add up to the whole.

    Examples:

      suture kpis --journal day

      suture kpis invoice_exceptions --by kind -j day

      suture kpis --facility NSH --days 30 -j day --json -
    """
    now = at.replace(tzinfo=UTC) if at else SystemClock().now()
    since = now - timedelta(days=days) if days else None
    narrowed = Narrowed(facility=facility or None, supplier=supplier or None, stage=stage or None, since=since)
    opened, folder = existing_journal(journal)
    try:
        with kept_figures(opened, books_file(journal, folder).with_suffix(".figures")) as kept:
            if name and name not in kept.kpis:
                fail(f"there is no KPI {name}", f"known are {', '.join(kept.kpis)}", 1)
            if name:
                _one(kept, kept.kpis[name], by, narrowed, now, json)
            else:
                _all(kept, narrowed, now, json)
    finally:
        opened.close()


def _all(kept: Figures, narrowed: Narrowed, now: datetime, json: str) -> None:
    told = figures(kept.measures, kept.kpis.values(), narrowed, now)
    if json:
        write_json(json, {name: _as_data(kept.kpis[name], found) for name, found in told.items()})
    if json == "-":
        return
    table = plain_table("Key figures", "KPI", "figure", "target", "met", "of")
    for name, found in told.items():
        kpi = kept.kpis[name]
        for figure in found or (Figure(),):
            table.add_row(name, *_cells(kpi, figure))
    console.print(table)


def _one(kept: Figures, kpi: Kpi, by: By, narrowed: Narrowed, now: datetime, json: str) -> None:
    whole = figures(kept.measures, [kpi], narrowed, now)[kpi.name]
    split = parts(kept.measures, kpi, by.value, narrowed, now)
    if json:
        write_json(json, {**_as_data(kpi, whole), "by": by.value, "parts": split})
    if json == "-":
        return
    table = plain_table(kpi.title, kpi.kind if by is By.KIND else by.value, "figure", "target", "met", "of", "adds")
    for part, found in split.items():
        for figure in found:
            adds = "" if figure.share is None else f"{figure.share:,}{_unit(kpi, figure)}"
            table.add_row(part.replace("_", " ") or "not said", *_cells(kpi, figure), adds)
    for figure in whole:
        table.add_row("[bold]all", *_cells(kpi, figure), "")
    console.print(table)
    console.print(f"{kpi.definition[0].upper()}{kpi.definition[1:]}.", soft_wrap=True)


def _as_data(kpi: Kpi, found: tuple[Figure, ...]) -> dict[str, Any]:
    said = {name: getattr(kpi, name) for name in ("title", "unit", "good", "target", "definition", "owner")}
    return {**said, "figures": msgspec.to_builtins(found, builtin_types=(Decimal,))}


def _cells(kpi: Kpi, figure: Figure) -> tuple[str, ...]:
    met = {True: "[green]yes[/green]", False: "[red]no[/red]", None: ""}[figure.met]
    value = "nothing yet" if figure.value is None else f"{figure.value:,}{_unit(kpi, figure)}"
    return value, f"{'≤' if kpi.good == 'down' else '≥'} {kpi.target:,}{UNITS[kpi.unit]}", met, f"{figure.number:,}"


def _unit(kpi: Kpi, figure: Figure) -> str:
    return UNITS[kpi.unit] + (f" {figure.currency}" if figure.currency else "")

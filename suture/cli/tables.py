"""The tables that the commands print."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from rich.table import Table

from suture.sandbox.audit import Count
from suture.views import Ledger
from suture.views.exceptions import Group
from suture.views.purchasing import STAGES


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim", expand=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right")
    return table


def documents_table(received: Mapping[str, int], sent: Mapping[str, int]) -> Table:
    """Documents in and out by kind."""
    table = _table("Documents", "kind", "received", "delivered")
    for kind in sorted({*received, *sent}):
        table.add_row(
            kind, f"{received.get(kind, 0):,}" if kind in received else "", f"{sent.get(kind, 0):,}" if kind in sent else ""
        )
    return table


def states_table(title: str, counts: Mapping[str, int]) -> Table:
    """How many are in which state."""
    table = _table(title, "state", "number")
    for state, number in sorted(counts.items(), key=lambda pair: -pair[1]):
        table.add_row(state.replace("_", " "), f"{number:,}")
    return table


def money_table(money: Mapping[str, Mapping[str, Decimal]]) -> Table:
    """Money per entity and stage."""
    table = _table("Money by legal entity, USD", "entity", *STAGES)
    for entity, stages in money.items():
        table.add_row(entity, *(f"{stages[stage]:,.2f}" for stage in STAGES))
    return table


def exceptions_table(groups: Sequence[Group]) -> Table:
    """Open exceptions by reason, by money."""
    table = _table("Open exceptions, by money", "reason", "number", "at stake, USD", "owner", "what to do")
    table.columns[3].justify = table.columns[4].justify = "left"
    for group in groups:
        owner = ", ".join(group.owners).replace("_", " ")
        table.add_row(
            group.reason.replace("_", " "), f"{group.count:,}", f"{group.money:,.2f}", owner, group.example.suggestion[:70]
        )
    return table


def count_table(counts: Iterable[Count], faults: Mapping[str, int]) -> Table:
    """What the twins hold, and the faults that they lived through."""
    told = ", ".join(f"{what}: {number}" for what, number in faults.items())
    table = _table(f"Counted in the twins ({told})", "what", "due", "held", "missing", "doubled")
    for count in counts:
        doubled = f"[red]{len(count.doubled)}[/red]" if count.doubled else "0"
        table.add_row(count.what, f"{count.due:,}", f"{count.held:,}", f"{len(count.missing):,}", doubled)
    return table


def balance_table(ledger: Ledger, lost: int, doubled: int) -> Table:
    """The ledger in one row."""
    table = _table(
        "Ledger", "accepted", "= delivered", "+ refused", "+ compensated", "+ parked", "+ in flight", "lost", "doubled", "repeats"
    )
    table.columns[0].justify = "right"
    mark = "[green]" if ledger.balanced and not lost and not doubled else "[red]"
    numbers = (
        ledger.accepted,
        ledger.delivered,
        ledger.refused,
        ledger.compensated,
        ledger.parked,
        ledger.in_flight,
        lost,
        doubled,
        ledger.repeated,
    )
    table.add_row(*(f"{mark}{number:,}" for number in numbers))
    return table


def instances_table(instances: Mapping[str, Mapping[str, int]]) -> Table:
    """What is owed to each counterpart, and what became of it."""
    fates = ("done", "refused", "parked", "cancelled")
    table = _table("Obligations by counterpart", "counterpart", "owed", *fates, "open")
    for name, counts in instances.items():
        ended = [counts.get(fate, 0) for fate in fates]
        table.add_row(
            name, f"{counts.get('owed', 0):,}", *(f"{number:,}" for number in ended), f"{counts.get('owed', 0) - sum(ended):,}"
        )
    return table

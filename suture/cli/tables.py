"""The tables that the commands print: readable at 80 columns, and no wider than they must be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from rich.box import SIMPLE_HEAD
from rich.console import Group as Stack
from rich.table import Table
from rich.text import Text

from suture.sandbox.audit import Count
from suture.views import Ledger
from suture.views.exceptions import Group
from suture.views.purchasing import STAGES


def plain_table(title: str, *columns: str) -> Table:
    """A table without a frame: the first column is words, the others are numbers."""
    table = Table(title=f"\n{title}", title_justify="left", title_style="bold", header_style="dim", box=SIMPLE_HEAD)
    table.show_edge, table.pad_edge = False, False
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right", no_wrap=index > 0)
    return table


def beside(left: Table, *right: Table) -> Table:
    """One table on the left, the others one under another beside it."""
    grid = Table.grid(padding=(0, 4))
    grid.add_row(left, Stack(*right))
    return grid


def documents_table(received: Mapping[str, int], sent: Mapping[str, int]) -> Table:
    """Documents in and out by kind."""
    table = plain_table("Documents", "kind", "received", "delivered")
    for kind in sorted({*received, *sent}):
        cells = (f"{counts[kind]:,}" if kind in counts else "" for counts in (received, sent))
        table.add_row(kind, *cells)
    return table


def states_table(title: str, counts: Mapping[str, int]) -> Table:
    """How many are in which state."""
    table = plain_table(title, "state", "number")
    for state, number in sorted(counts.items(), key=lambda pair: -pair[1]):
        table.add_row(state.replace("_", " "), f"{number:,}")
    return table


def money_table(money: Mapping[str, Mapping[str, Decimal]]) -> Table:
    """Money per entity and stage."""
    table = plain_table("Money by legal entity, USD", "entity", *STAGES)
    for entity, stages in money.items():
        table.add_row(entity, *(f"{stages[stage]:,.2f}" for stage in STAGES))
    return table


def exceptions_table(groups: Sequence[Group]) -> Table:
    """Open exceptions by reason, by money, each with whose it is, what to do, and one to look at."""
    table = plain_table("Open exceptions, by money", "number", "at stake, USD", "reason, owner, what to do")
    table.columns[0].justify = "right"
    table.columns[2].justify, table.columns[2].no_wrap = "left", False
    for group in groups:
        told = Text(group.reason.replace("_", " "), style="bold")
        told.append(f" · {', '.join(group.owners).replace('_', ' ')}", style="not bold")
        told.append(f"\n{_with_example(group)}", style="not bold dim")
        table.add_row(f"{group.count:,}", f"{group.money:,.2f}", told)
    return table


def _with_example(group: Group) -> str:
    objects = [ref.id for ref in group.example.objects]
    return "; ".join(filter(None, (group.example.suggestion, f"see {objects[0]}" if objects else "")))


def count_table(counts: Iterable[Count]) -> Table:
    """What the twins hold, compared with what they should."""
    table = plain_table("Counted in the twins", "what", "due", "held", "missing", "doubled")
    for count in counts:
        doubled = f"[red]{len(count.doubled)}[/red]" if count.doubled else "0"
        table.add_row(count.what, f"{count.due:,}", f"{count.held:,}", f"{len(count.missing):,}", doubled)
    return table


def faults_line(faults: Mapping[str, int]) -> str:
    """What the network lived through on purpose."""
    return "Faults on purpose: " + "; ".join(f"{what} {number:,}" for what, number in faults.items()) + "."


def balance_table(ledger: Ledger) -> Table:
    """The ledger as an equation."""
    table = plain_table(
        "Ledger of accepted documents",
        *("accepted", "= delivered", "+ refused", "+ compensated", "+ parked", "+ in flight"),
    )
    table.columns[0].justify = "right"
    ends = (ledger.delivered, ledger.refused, ledger.compensated, ledger.parked, ledger.in_flight)
    colour = "green" if ledger.balanced else "red"
    table.add_row(*(f"[{colour}]{number:,}" for number in (ledger.accepted, *ends)))
    return table


def instances_table(instances: Mapping[str, Mapping[str, int]]) -> Table:
    """What is owed to each counterpart, and what became of it."""
    fates = ("done", "refused", "parked", "cancelled")
    table = plain_table("Deliveries by counterpart", "counterpart", "owed", *fates, "open")
    for name, counts in instances.items():
        ended = [counts.get(fate, 0) for fate in fates]
        open_still = counts.get("owed", 0) - sum(ended)
        table.add_row(name, f"{counts.get('owed', 0):,}", *(f"{number:,}" for number in ended), f"{open_still:,}")
    return table

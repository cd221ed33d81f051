"""The tables that the commands print: readable at 80 columns, and no wider than they must be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Group as Stack
from rich.table import Table
from rich.text import Text

from suture.views import Ledger
from suture.views.exceptions import Group
from suture.views.ledger import AGES, OpenItem
from suture.views.purchasing import STAGES

if TYPE_CHECKING:
    from suture.sandbox.audit import Count


def plain_table(title: str, *columns: str) -> Table:
    """A table without a frame: the first column is words, the others are numbers."""
    table = Table(title=f"\n{title}", title_justify="left", title_style="bold", header_style="dim", box=SIMPLE_HEAD)
    table.show_edge, table.pad_edge = False, False
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right", no_wrap=index > 0, overflow="fold")
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
    currencies = {money.currency for group in groups for money in group.money}
    only = currencies.pop() if len(currencies) == 1 else ""
    table = plain_table(
        "Open exceptions, by money", "number", f"at stake, {only}" if only else "at stake", "reason, owner, what to do"
    )
    table.columns[0].justify = "right"
    table.columns[2].justify, table.columns[2].no_wrap = "left", False
    for group in groups:
        told = Text(group.reason.replace("_", " "), style="bold")
        told.append(f" · {', '.join(group.owners).replace('_', ' ')}", style="not bold")
        told.append(f"\n{_with_example(group)}", style="not bold dim")
        sums = [f"{money.amount:,.2f}" + ("" if only else f" {money.currency}") for money in group.money]
        table.add_row(f"{group.count:,}", "\n".join(sums) or "0.00", told)
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
    table = plain_table("Deliveries by counterpart", "counterpart", *_FATES)
    for name, counts in instances.items():
        table.add_row(name, *_fates(counts))
    return table


def kinds_table(kinds: Mapping[str, Mapping[str, Mapping[str, int]]]) -> Table:
    """The same by kind of document within each counterpart."""
    table = plain_table("Deliveries by counterpart and kind", "counterpart, kind", *_FATES)
    for name, by_kind in kinds.items():
        table.add_row(Text(name, style="bold"))
        for kind, counts in by_kind.items():
            table.add_row(f"  {kind}", *_fates(counts))
    return table


_FATES = ("owed", "done", "refused", "parked", "cancelled", "open")


def _fates(counts: Mapping[str, int]) -> list[str]:
    ended = [counts.get(fate, 0) for fate in _FATES[1:-1]]
    return [f"{number:,}" for number in (counts.get("owed", 0), *ended, counts.get("owed", 0) - sum(ended))]


def documents_by_kind_table(names: Mapping[str, Mapping[str, int]]) -> Table:
    """Accepted documents by kind, and in which end state they are; what was parked on arrival stands under its reason."""
    ends = {
        "delivered": "delivered",
        "refused": "refused",
        "compensated": "compen-\nsated",
        "parked": "parked",
        "in_flight": "in\nflight",
    }
    table = plain_table("Accepted documents by kind", "kind", "accepted", *ends.values())
    for name, counts in names.items():
        words = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", name).lower()
        table.add_row(words, *(f"{number:,}" for number in (sum(counts.values()), *(counts.get(end, 0) for end in ends))))
    return table


def ages_table(items: Sequence[OpenItem], due: Mapping[str, datetime]) -> Table:
    """What is still owed, open or parked, by age, and when each counterpart's next delivery is due."""
    table = plain_table("Still owed, by age", "counterpart, kind", *AGES, "next due, UTC")
    for instance in dict.fromkeys(item.instance for item in items):
        mine = [item for item in items if item.instance == instance]
        sums = [sum(ages) for ages in zip(*(item.ages for item in mine), strict=True)]
        when = f"{due[instance]:%d %b %H:%M}" if instance in due else "a decision"
        table.add_row(Text(instance, style="bold"), *_counts(sums), when)
        for item in mine:
            table.add_row(f"  {item.kind}", *_counts(item.ages))
    return table


def _counts(numbers: Iterable[int]) -> list[str]:
    return [f"{number:,}" if number else "" for number in numbers]

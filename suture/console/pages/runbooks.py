"""Runbooks: for each kind of exception and each flow what it means, where to look first, what to do, and whom to call."""

from __future__ import annotations

from msgspec import Struct

from suture.console.page import Ask, Missing, Page
from suture.gateway.governance.runbooks import ANY, RUNBOOKS, Runbook, runbook_for, runbook_of


class Runbooks(Struct, frozen=True):
    """One runbook, where it was asked for; else those by kind of exception, and those by flow."""

    one: Runbook | None
    exceptions: tuple[Runbook, ...]
    flows: tuple[Runbook, ...]


def load(ask: Ask) -> Runbooks:
    """Query: ``name`` of a runbook, ``reason`` of an exception, or ``flow``, a process. Raises Missing for an unknown name."""
    name, reason, flow = (ask.query.get(part, "") for part in ("name", "reason", "flow"))
    one = runbook_of(reason) if reason else runbook_for(flow) if flow else RUNBOOKS.get(name)
    if name and one is None:
        raise Missing(f"there is no runbook {name}", tuple(RUNBOOKS))
    every = [each for each in RUNBOOKS.values() if each is not ANY]
    by_flow = tuple(each for each in every if each.flow)
    return Runbooks(one, () if one else (*(each for each in every if not each.flow), ANY), () if one else by_flow)


PAGE = Page(path="/runbooks", title="Runbooks", allow="console.read", section="Run", rank=60, load=load, template="runbooks.html")

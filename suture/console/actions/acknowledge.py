"""Acknowledge: somebody sees to an incident; it is not escalated any more."""

from __future__ import annotations

from collections.abc import Mapping

from suture.console.forms import decision_of
from suture.console.page import Action, Do, Done
from suture.rules.incidents import subject_of


def act(do: Do) -> Done:
    """Form: ``incident``, ``reason``, ``position``, ``decision``."""
    said = do.desk.decide(decision_of(do, subject_of(do.form.get("incident", "")), "acknowledge"))
    return Done(f"{said[0].upper()}{said[1:]}.", "/incidents")


def back(form: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The incidents, as they are now."""
    return "/incidents", {}


ACTION = Action(path="/acknowledge", title="Acknowledge an incident", allow="systems.acknowledge", act=act, back=back)

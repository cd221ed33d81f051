"""Decide: one verb on one exception, with a reason, on the state that the page showed."""

from __future__ import annotations

from collections.abc import Mapping

from suture.console.authority import LETS_GO, about, needed
from suture.console.drawing import to, words
from suture.console.forms import decision_of, open_case
from suture.console.masks import restored
from suture.console.page import Action, Do, Done, Refused
from suture.gateway import ANYTHING
from suture.model import Ref


def act(do: Do) -> Done:
    """Form: ``case``, ``verb``, ``reason``, ``position``, ``decision``; ``content`` for a repair."""
    id, verb = do.form.get("case", ""), do.form.get("verb", "")
    decision = decision_of(do, Ref("Case", id), verb)
    case = open_case(do, id)
    if verb not in case.actions:
        raise Refused(f"this exception takes {', '.join(case.actions) or 'no decision'}, not {verb!r}")
    do.require(needed(case, verb), about(case) if verb in LETS_GO else ANYTHING)
    raw = restored(do.desk.wiring, case, do.form.get("content", "")) if verb == "repair" else b""
    said = words(do.desk.decide(decision, raw=raw))
    return Done(f"{said[0].upper()}{said[1:]}. What follows happens while the network runs.", to("/exception", id=id))


def back(form: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The exception, as it is now."""
    return "/exception", {"id": form.get("case", "")}


ACTION = Action(path="/decide", title="Decide about an exception", allow="exceptions.read", act=act, back=back)

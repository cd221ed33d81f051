"""Answer: a person with authority approves or rejects what they are asked; nobody answers for what they requested themselves."""

from __future__ import annotations

from collections.abc import Mapping

from suture.console.forms import decision_of
from suture.console.page import Action, Do, Done
from suture.gateway import About
from suture.model import Ref
from suture.runtime.notes import answer, question


def act(do: Do) -> Done:
    """Form: ``request``, ``verb`` (approve, reject), ``reason``, ``position``, ``decision``."""
    id, verb = do.form.get("request", ""), do.form.get("verb", "")
    decision = decision_of(do, Ref("ApprovalRequest", id), verb)
    asked = question(do.desk.wiring, id)
    do.require(ACTION.allow, About(amount=asked.amount) if verb == "approve" else About())
    said = do.desk.act(answer, decision)
    return Done(f"{said[0].upper()}{said[1:]}. What follows happens while the network runs.", "/approvals")


def back(form: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The questions, as they are now."""
    return "/approvals", {}


ACTION = Action(path="/answer", title="Answer a question", allow="approvals.decide", act=act, back=back)

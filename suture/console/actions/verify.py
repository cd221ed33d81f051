"""Verify: the whole journal is read again in the background; that somebody wanted it, and why, is journaled first."""

from __future__ import annotations

from collections.abc import Mapping

from suture.console.errands import Busy
from suture.console.forms import decision_of
from suture.console.page import Action, Do, Done, Refused
from suture.model import Ref
from suture.runtime.notes import note
from suture.views.search import NOTE


def act(do: Do) -> Done:
    """Form: ``reason``, ``position``, ``decision``."""
    decision = decision_of(do, Ref(NOTE, "journal"), "verify")
    do.desk.act(note, decision)
    try:
        do.desk.verify(decision)
    except Busy as busy:
        raise Refused(str(busy), 503) from None
    return Done("The whole journal is read again; what comes of it stands here", "/proof")


def back(form: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The proof, as it is now."""
    return "/proof", {}


ACTION = Action(path="/verify", title="Verify now", allow="proof.verify", act=act, back=back)

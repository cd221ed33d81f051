"""What forms say: a decision read from one, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping

from suture.console.page import Do, Missing, Refused
from suture.model import Case, CaseResolved, Decision, Ref

#: The letters of a reason.
REASON_LETTERS = 1000


def reason_of(form: Mapping[str, str]) -> str:
    """The reason; raises Refused if there is none."""
    reason = form.get("reason", "").strip()
    if not reason or len(reason) > REASON_LETTERS:
        raise Refused(f"a decision needs a reason of 1 to {REASON_LETTERS:,} letters; it is kept for the auditor")
    return reason


def decision_of(do: Do, subject: Ref, verb: str, values: Mapping[str, str] | None = None, part: str = "") -> Decision:
    """The decision that a form makes; ``part`` tells those of one form apart. Raises Refused for a form that is not whole."""
    position, id = do.form.get("position", ""), do.form.get("decision", "")
    if not (position.isdecimal() and len(position) < 19 and id.isalnum() and len(id) == 32):
        raise Refused("the form is not whole; look at it again and decide again", 400)
    return Decision(
        id=f"{id}/{part}" if part else id,
        subject=subject,
        verb=verb,
        actor=do.caller.subject,
        at=do.now,
        reason=reason_of(do.form),
        position=int(position),
        values=dict(values or {}),
    )


def open_case(do: Do, id: str) -> Case:
    """The exception that a form is about; raises Missing for one that never was, Refused for one that is closed."""
    said = [row.event.data for row in do.desk.wiring.journal.find(Ref("Case", id))]
    cases = [document for document in said if isinstance(document, Case | CaseResolved)]
    if not cases:
        raise Missing(f"there is no exception {id}")
    if not isinstance(cases[-1], Case):
        raise Refused("somebody else changed it: it is closed; nothing is left to decide", 409)
    return cases[-1]

"""Emergency: take rights that the policy offers, with a reason that raises the alarm, or give them back."""

from __future__ import annotations

from collections.abc import Mapping

from suture.console.forms import decision_of
from suture.console.page import Action, Denied, Do, Done, Refused
from suture.gateway.identity import emergency
from suture.model import Decision, Ref
from suture.runtime.wiring import Wiring

VERBS = ("take", "give-back")


def act(do: Do) -> Done:
    """Form: ``verb``, ``role``, ``reason``, ``position``, ``decision``."""
    verb = do.form.get("verb", "")
    if verb not in VERBS:
        raise Refused(f"emergency rights take {' or '.join(VERBS)}, not {verb!r}")
    if bool(do.caller.emergency) is (verb == "take"):
        raise Refused("you hold emergency rights already" if verb == "take" else "you hold no emergency rights", 409)

    def how(wiring: Wiring, said: Decision) -> str:
        if verb == "give-back":
            who = said.actor
            emergency.give_back(wiring.journal, who, actor=who, reason=said.reason, now=said.at)
            return "You hold no emergency rights any more."
        role = do.form.get("role", "")
        taken = emergency.take(wiring.journal, do.access, do.caller, role, reason=said.reason, now=said.at)
        return f"You hold {role} until {taken.until:%H:%M} UTC; an exception is open, and somebody else reviews what you do."

    try:
        said = do.desk.act(how, decision_of(do, Ref(emergency.RIGHTS, do.caller.subject), verb))
    except emergency.NotYours as error:
        raise Denied(str(error)) from None
    return Done(said, "/emergency")


def back(form: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """What may be taken, as it is now."""
    return "/emergency", {}


ACTION = Action(path="/take", title="Take emergency rights, or give them back", allow="console.read", act=act, back=back)

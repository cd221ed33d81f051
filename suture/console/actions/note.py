"""Note: look at an exception later, or have somebody look, with a reason; nothing about the exception itself changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from suture.console.drawing import to
from suture.console.forms import decision_of, open_case
from suture.console.page import Action, Do, Done, Refused
from suture.model import Ref
from suture.runtime.notes import note
from suture.views.search import NOTE

#: Letters of a name.
NAME_LETTERS = 60


def act(do: Do) -> Done:
    """Form: ``case``, ``verb`` (snooze, wake, assign), ``until``, ``count``, ``value``, ``to``, ``reason``."""
    id, verb = do.form.get("case", ""), do.form.get("verb", "")
    open_case(do, id)
    values = _VALUES.get(verb)
    if values is None:
        raise Refused(f"a note is {', '.join(_VALUES)}, not {verb!r}")
    decision = decision_of(do, Ref(NOTE, id), verb, values(do))
    do.desk.act(note, decision)
    return Done(_SAID[verb].format(**decision.values), to("/exception", id=id))


def _snooze(do: Do) -> dict[str, str]:
    """The conditions on which it wakes: a time, how many are alike, what they put at stake. At least one."""
    until, count, value = (do.form.get(name, "").strip() for name in ("until", "count", "value"))
    found: dict[str, str] = {}
    try:
        if until:
            at = datetime.fromisoformat(until)
            found["until"] = (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()
        if count:
            found["count"] = str(int(count))
        if value:
            found["value"] = f"{Decimal(value.replace(',', '')):f}"
    except (ValueError, InvalidOperation):
        raise Refused("write the time as 2026-03-02 or 2026-03-02T14:00, the count and the value as numbers") from None
    if not found:
        raise Refused("say when it is to be looked at again: at a time, a count of alike ones, or a value at stake")
    return found


def _assign(do: Do) -> dict[str, str]:
    name = do.form.get("to", "").strip() or do.caller.subject
    if len(name) > NAME_LETTERS or not name.isprintable():
        raise Refused(f"a name has at most {NAME_LETTERS} letters")
    return {"to": name}


_VALUES: Mapping[str, Callable[[Do], dict[str, str]]] = {"snooze": _snooze, "assign": _assign, "wake": lambda do: {}}
_SAID = {"snooze": "It sleeps until then, and wakes by itself", "assign": "{to} has taken it on", "wake": "It is awake"}


def back(form: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The exception, as it is now."""
    return "/exception", {"id": form.get("case", "")}


ACTION = Action(path="/note", title="Note about an exception", allow="exceptions.decide", act=act, back=back)

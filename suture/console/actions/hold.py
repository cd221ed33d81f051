"""Hold: pause, drain, degrade or resume what is sent to a counterpart, with a reason, on the state that the page showed."""

from __future__ import annotations

from collections.abc import Mapping

from suture.console.drawing import to
from suture.console.forms import decision_of
from suture.console.page import Action, Do, Done, Refused
from suture.model import Ref
from suture.runtime.pauses import VERBS


def act(do: Do) -> Done:
    """Form: ``instance``, ``verb``, ``reason``, ``position``, ``decision``."""
    name, verb = do.form.get("instance", ""), do.form.get("verb", "")
    if verb not in VERBS:
        raise Refused(f"a counterpart takes {', '.join(VERBS)}, not {verb!r}")
    do.require(f"systems.{verb}")
    said = do.desk.decide(decision_of(do, Ref("Instance", name), verb))
    return Done(f"{said}.", to("/system", name=name))


def back(form: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The counterpart, as it is now."""
    return "/system", {"name": form.get("instance", "")}


ACTION = Action(path="/hold", title="Hold back what is sent", allow="systems.read", act=act, back=back)

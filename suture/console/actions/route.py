"""Route: a delivery that waits for a person is owed to another system of the same role instead."""

from __future__ import annotations

from collections.abc import Mapping

from suture.console.drawing import to
from suture.console.forms import decision_of, open_case
from suture.console.page import Action, Do, Done, Refused
from suture.model import Ref
from suture.runtime.notes import route


def act(do: Do) -> Done:
    """Form: ``case``, ``instance``, ``reason``, ``position``, ``decision``."""
    id = do.form.get("case", "")
    case = open_case(do, id)
    delivery = next((ref.id for ref in case.objects if ref.type == "Delivery"), "")
    if not delivery:
        raise Refused("there is no delivery here that could go elsewhere")
    decision = decision_of(do, Ref("Delivery", delivery), "route", {"instance": do.form.get("instance", "")})
    said = do.desk.act(route, decision)
    return Done(f"{said[0].upper()}{said[1:]}. What follows happens while the network runs.", to("/exception", id=id))


def back(form: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The exception, as it is now."""
    return "/exception", {"id": form.get("case", "")}


ACTION = Action(path="/route", title="Route a delivery elsewhere", allow="deliveries.release", act=act, back=back)

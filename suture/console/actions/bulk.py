"""Decide about many: the same verb on everything that a filter names, each a decision of its own, on the state that was shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from suture.console.authority import LETS_GO, about, needed
from suture.console.drawing import to
from suture.console.errands import Busy
from suture.console.forms import decision_of
from suture.console.page import Action, Denied, Do, Done, Refused
from suture.console.pages.bulk import SINGLE
from suture.console.pages.exceptions import chosen, filters_of
from suture.console.queue import queue
from suture.gateway import ANYTHING
from suture.journal import Fenced
from suture.model import Case, Ref
from suture.runtime.command import NoSuchThing, Stale

#: So many are decided while somebody waits; the others are decided afterwards, in the background, and counted on the page.
AT_ONCE = 100
#: What stands before the names of filters in the form: an exception has a reason, and so has a decision.
FILTER = "only-"


def act(do: Do) -> Done:
    """Form: the filters, the ``count`` that was shown, ``verb``, ``reason``, ``position``, ``decision``.

    The run can be repeated: what was decided stays so.
    """
    verb, filters = do.form.get("verb", ""), filters_of(do.form, FILTER)
    first = decision_of(do, Ref("Case", "all"), verb)
    if verb in SINGLE:
        raise Refused(f"{verb} is decided one by one")
    with do.desk.ask({}, do.caller) as ask:
        cases = [each.row for each in chosen(queue(ask), filters, do.caller.subject) if each.row.position <= first.position]
    shown = do.form.get("count", "")
    if not shown.isdecimal() or len(cases) > int(shown[:9]):
        raise Refused("it is more by now than was shown; look at it again and decide again", 409)
    able = [row.case for row in cases if verb in row.case.actions]
    if not able:
        raise Refused(f"nothing here takes {verb!r} any more; look at it again")
    fates = Counter(_one(do, case, verb) for case in able[:AT_ONCE])
    if fates["not yours"] == sum(fates.values()):
        do.require(needed(able[0], verb), about(able[0]) if verb in LETS_GO else ANYTHING)
    told = ", ".join(f"{count:,} {fate}" for fate, count in fates.most_common())
    rest = able[AT_ONCE:]
    if rest:
        try:
            do.desk.errands.begin(first.id, len(rest), (_one(do, case, verb) for case in rest))
        except Busy as busy:
            raise Refused(f"{told}; {busy}", 503) from None
    later = f", {len(rest):,} follow in the background" if rest else ""
    return Done(
        f"{verb.capitalize()}: {told}{later}. What follows happens while the network runs.", to("/bulk", **filters, run=first.id)
    )


def _one(do: Do, case: Case, verb: str) -> str:
    """What became of one of them."""
    try:
        do.require(needed(case, verb), about(case) if verb in LETS_GO else ANYTHING)
        do.desk.decide(decision_of(do, Ref("Case", case.id), verb, part=case.id))
    except Denied:
        return "not yours"
    except (Stale, Fenced, NoSuchThing):
        return "changed meanwhile"
    except (ValueError, KeyError):
        return "refused"
    return "decided"


def back(form: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The same page, as it is now."""
    return "/bulk", filters_of(form, FILTER)


ACTION = Action(path="/bulk/decide", title="Decide about many", allow="exceptions.decide", act=act, back=back)

"""Flows: five numbers for each way in, each a link to exactly the messages and deliveries that it counts."""

from __future__ import annotations

from msgspec import Struct

from suture.console.page import Ask, Missing, Page
from suture.views.flows import FIVE, Five, Flow, Leg, Passed

#: Documents on a page.
ROWS = 30


class Behind(Struct, frozen=True, kw_only=True):
    """What one number of one way in counts; ``more`` is where the next page begins, 0 for none."""

    flow: Flow
    which: str
    rows: tuple[Passed, ...]
    legs: tuple[Leg, ...]
    skip: int
    more: int


class Flows(Struct, frozen=True):
    """Every way in, with the sums over all; and what is behind one number, where it was asked for."""

    flows: tuple[Flow, ...]
    total: dict[str, int]
    behind: Behind | None


def load(ask: Ask) -> Flows:
    """Query: ``instance`` and ``channel`` of a way in; ``which`` of the five numbers; ``skip``. Raises Missing."""
    instance, channel = ask.query.get("instance", ""), ask.query.get("channel", "")
    with ask.figures() as kept:
        flows = kept.flows.all()
        behind = None
        if instance:
            flow = next((each for each in flows if (each.instance, each.channel) == (instance, channel)), None)
            if flow is None:
                raise Missing(
                    f"nothing has come from {instance} by {channel}", tuple(dict.fromkeys(each.instance for each in flows))
                )
            which, skip = _which(ask.query.get("which", "received")), ask.number("skip")
            rows = kept.flows.behind(instance, channel, which, limit=ROWS + 1, skip=skip)
            legs = tuple(kept.flows.legs(instance, channel))
            more = skip + ROWS if len(rows) > ROWS else 0
            behind = Behind(flow=flow, which=which, rows=tuple(rows[:ROWS]), legs=legs, skip=skip, more=more)
    return Flows(tuple(flows), {name: sum(getattr(flow, name) for flow in flows) for name in FIVE}, behind)


def _which(said: str) -> Five:
    return said if said in FIVE else "received"  # type: ignore[return-value]  # FIVE holds exactly those


PAGE = Page(path="/flows", title="Flows", allow="documents.read", section="Run", rank=10, load=load, template="flows.html")

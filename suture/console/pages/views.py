"""Views: the addresses that people keep under a name, one's own and those for everybody."""

from __future__ import annotations

from msgspec import Struct

from suture.console.page import Ask, Page
from suture.views.trail import View


class Views(Struct, frozen=True):
    """What somebody keeps or may open, by name."""

    views: tuple[View, ...]
    position: int


def load(ask: Ask) -> Views:
    """Query: none."""
    return Views(tuple(ask.trail.views_for(ask.caller.subject)), ask.trail.position)


PAGE = Page(path="/views", title="Views", allow="console.read", section="Work", rank=90, load=load, template="views.html")

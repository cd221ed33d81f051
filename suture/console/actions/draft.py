"""Draft: keep what somebody has mended, to see what it changes before it is sent."""

from __future__ import annotations

from collections.abc import Mapping

from suture.console.drawing import to
from suture.console.forms import open_case
from suture.console.masks import CONTENT_MOST
from suture.console.page import Action, Do, Done, Refused


def act(do: Do) -> Done:
    """Form: ``case``, ``content``."""
    id, content = do.form.get("case", ""), do.form.get("content", "")
    open_case(do, id)
    if len(content) > 2 * CONTENT_MOST:
        raise Refused("that is too large to be mended in a browser; `suture resolve` takes it from a file")
    return Done("Nothing has been sent; this is what would change", to("/exception", id=id), draft=(id, content))


def back(form: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The exception, as it is."""
    return "/exception", {"id": form.get("case", "")}


ACTION = Action(path="/draft", title="See what a repair changes", allow="exceptions.decide", act=act, back=back)

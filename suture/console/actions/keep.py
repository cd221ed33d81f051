"""Keep: an address of the console under a name, for oneself or for everybody; whoever kept it gives it up again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from suture.console.drawing import to
from suture.console.forms import decision_of
from suture.console.page import Action, Denied, Do, Done, Refused, pages
from suture.model import Ref
from suture.runtime.notes import note
from suture.views.trail import VIEW, VIEWS_MOST

#: Letters of a name and of an address.
NAME_LETTERS, ADDRESS_LETTERS = 40, 600


def act(do: Do) -> Done:
    """Form: ``verb`` (keep, drop), ``reason``; ``name``, ``address`` and ``shared`` to keep, ``view`` to drop."""
    verb = do.form.get("verb", "")
    if verb not in _VERBS:
        raise Refused(f"a view takes {', '.join(_VERBS)}, not {verb!r}")
    return _VERBS[verb](do)


def _keep(do: Do) -> Done:
    name, address = do.form.get("name", "").strip(), _address(do.form.get("address", ""))
    if not 0 < len(name) <= NAME_LETTERS or not name.isprintable():
        raise Refused(f"a view is kept under a name of 1 to {NAME_LETTERS} letters")
    # the same name again keeps the view anew
    id = hashlib.blake2b(f"{do.caller.subject}/{name.lower()}".encode(), digest_size=12).hexdigest()
    with do.desk.ask({}, do.caller) as ask:
        views = ask.trail.views
    if id not in views and len(views) >= VIEWS_MOST:
        raise Refused(f"{VIEWS_MOST} views are kept already; give one up first", 409)
    values = {"name": name, "address": address, "shared": "yes" if do.form.get("shared") == "yes" else "no"}
    do.desk.act(note, decision_of(do, Ref(VIEW, id), "keep", values))
    return Done(f"Kept as {name}; Views lists them", address)


def _drop(do: Do) -> Done:
    with do.desk.ask({}, do.caller) as ask:
        view = ask.trail.views.get(do.form.get("view", ""))
    if view is None:
        raise Refused("nobody keeps it any more", 409)
    if view.owner != do.caller.subject:
        raise Denied(f"only {view.owner}, who kept it, gives it up")
    do.desk.act(note, decision_of(do, Ref(VIEW, view.id), "drop"))
    return Done(f"{view.name} is given up", "/views")


def _address(said: str) -> str:
    """A page of the console with its query, written as pages write theirs; raises Refused for anything else."""
    parts = urlsplit(said[: ADDRESS_LETTERS + 1])
    known = {page.path for page in pages()}
    if len(said) > ADDRESS_LETTERS or parts.scheme or parts.netloc or parts.path not in known:
        raise Refused("only a page of this console can be kept")
    return to(parts.path, **dict(parse_qsl(parts.query)))


_VERBS = {"keep": _keep, "drop": _drop}


def back(form: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The views, as they are now."""
    return "/views", {}


ACTION = Action(path="/keep", title="Keep a view, or give it up", allow="console.read", act=act, back=back)

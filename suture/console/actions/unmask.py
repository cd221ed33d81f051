"""Unmask: read a message as it came, for a purpose that is journaled before anything is shown."""

from __future__ import annotations

from collections.abc import Mapping

from suture.console.drawing import to
from suture.console.forms import decision_of
from suture.console.page import Action, Do, Done, Missing
from suture.model import Ref
from suture.runtime.notes import note
from suture.views.search import NOTE


def act(do: Do) -> Done:
    """Form: ``blob`` the address of the bytes, ``id`` whose page shows them, ``reason``, ``position``, ``decision``."""
    blob, id = do.form.get("blob", ""), do.form.get("id", "")
    try:
        do.desk.wiring.journal.blob(blob)
    except KeyError:
        raise Missing("there are no such bytes") from None
    do.desk.act(note, decision_of(do, Ref(NOTE, blob), "unmask", {"document": id[:300]}))
    return Done(
        "It is shown for ten minutes; that you asked, and why, stands in the audit", to("/documents", id=id, lens="raw"), blob
    )


def back(form: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The messages, masked as they were."""
    return "/documents", {"id": form.get("id", ""), "lens": "raw"}


ACTION = Action(path="/unmask", title="Read a message unmasked", allow="raw.unmask", act=act, back=back)

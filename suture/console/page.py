"""The doors of the console: a page and an action are each one value in one file, and neither is open to whoever may not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from suture.console.errands import Errand
from suture.console.verification import Verification
from suture.extensions import found
from suture.gateway import ANYTHING, About, Access, Caller, Verdict
from suture.journal import Journal
from suture.runtime.wiring import Wiring
from suture.views.books import Books
from suture.views.figures import Figures, kept_figures
from suture.views.search import Index
from suture.views.trail import Trail

if TYPE_CHECKING:
    from suture.console.desk import Desk

#: The parts of the navigation, in order; a page of no section is reached from others.
SECTIONS = ("Work", "Run", "Data", "Govern")


class Ask(Struct, frozen=True):
    """What a page may look at: the journal and its read models up to now, the query of its address, the time, and who asks."""

    wiring: Wiring
    books: Books
    trail: Trail
    index: Index
    query: Mapping[str, str]
    now: datetime
    caller: Caller
    access: Access
    #: How the journal was named on the command line, for commands that a page shows.
    place: str = "."
    #: Messages whose content this session has asked to see, each with a purpose that was journaled.
    unmasked: frozenset[str] = frozenset()
    #: Where the figures are kept, for the pages that show some; see ``figures``.
    file: Path = Path()
    #: What is dear to work out and holds until the journal moves on, by name.
    memo: dict[str, Any] = {}
    #: What this session has mended and not sent yet, by exception.
    drafts: Mapping[str, str] = {}
    #: What is being carried out in the background, by its id.
    errand: Callable[[str], Errand | None] = lambda id: None
    #: The last time that somebody had everything read again.
    verification: Verification | None = None

    @property
    def journal(self) -> Journal:
        """The journal."""
        return self.wiring.journal

    def may(self, permission: str, about: About = ANYTHING) -> Verdict:
        """Whether who asks may do this, and if not, why: what a button says that cannot be pressed."""
        return self.access.allows(self.caller, permission, about)

    def figures(self, tell: Callable[[int], None] = lambda position: None) -> AbstractContextManager[Figures]:
        """The figures up to now; only what asks for them waits until they have caught up. ``tell`` hears how far they are."""
        return kept_figures(self.journal, self.file, tell)

    def number(self, name: str) -> int:
        """A whole number of the query; 0 where there is none."""
        text = self.query.get(name, "")
        return int(text) if text.isdecimal() and len(text) < 19 else 0


class Page(Struct, frozen=True, kw_only=True):
    """One page: ``load`` answers with a struct that its template draws and its ``.json`` twin writes as it stands.

    ``allow`` is the permission that it takes; nobody else sees it. The twin shows whatever the struct holds, so it never holds
    bytes of partners, bank details or documents as they were sent. Elements of the template with ``data-live`` and an ``id`` are
    sent again when they have changed, those with ``data-moving``, which change without the journal, at the beginning, too.
    ``rank`` orders the pages of a section. ``load`` raises Missing for what is not there.
    """

    path: str
    title: str
    allow: str
    load: Callable[[Ask], Struct]
    template: str
    section: Literal["Work", "Run", "Data", "Govern", ""] = ""
    rank: int = 50
    #: Whether its address names a range of time (``days``), which the navigation then carries along.
    ranged: bool = False

    @property
    def name(self) -> str:
        """The path without its slash: what the page is known by."""
        return self.path.removeprefix("/")


class Do(Struct, frozen=True):
    """An action under way: who acts, with which form, at what time, and the desk to act on."""

    desk: Desk
    form: Mapping[str, str]
    caller: Caller
    access: Access
    now: datetime

    def require(self, permission: str, about: About = ANYTHING) -> None:
        """Raise Denied unless the caller may do this."""
        verdict = self.access.allows(self.caller, permission, about)
        if not verdict:
            raise Denied(verdict.reason)


class Done(Struct, frozen=True):
    """What an action did, in one sentence, and the page that is shown next.

    ``unmasked`` is a message that may be read now, ``draft`` an exception and what somebody has mended of it.
    """

    said: str
    to: str
    unmasked: str = ""
    draft: tuple[str, str] | None = None


class Action(Struct, frozen=True, kw_only=True):
    """One action: a form posted to ``path`` by somebody with the permission ``allow``.

    ``act`` raises Denied, Refused, or what ``runtime.command.command`` raises; ``back`` names the page that then says why.
    """

    path: str
    title: str
    allow: str
    act: Callable[[Do], Done]
    back: Callable[[Mapping[str, str]], tuple[str, dict[str, str]]]

    @property
    def name(self) -> str:
        """The path without its slash: what the action is known by."""
        return self.path.removeprefix("/")


class Missing(LookupError):
    """Nothing with that identity; ``alike`` are identifiers that begin so."""

    def __init__(self, what: str, alike: tuple[str, ...] = ()) -> None:
        super().__init__(what)
        self.alike = alike


class Refused(ValueError):
    """A form that cannot be taken; ``status`` is the HTTP status."""

    def __init__(self, why: str, status: int = 422) -> None:
        super().__init__(why)
        self.status = status


class Denied(Refused):
    """The caller may not do this, and why."""

    def __init__(self, why: str) -> None:
        super().__init__(why, 403)


def pages() -> list[Page]:
    """Every page, in the order of the navigation."""
    order = (*SECTIONS, "")
    values = found("suture.console.pages", "PAGE", Page).values()
    return sorted(values, key=lambda page: (order.index(page.section), page.rank, page.title))


def actions() -> list[Action]:
    """Every action."""
    return list(found("suture.console.actions", "ACTION", Action).values())

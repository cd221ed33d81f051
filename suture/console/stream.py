"""The stream: what has changed on open pages, as Server-Sent Events whose id is the journal's position.

A patch is HTML of three words: an element replaces the one with its id; ``data-into`` puts it into a list, before
``data-before`` where that is named; ``data-remove`` takes the element of that id away. The pages themselves are drawn again and
compared, so page and patch cannot disagree.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from time import monotonic

import msgspec
from lxml import etree, html
from starlette.concurrency import run_in_threadpool

from suture.console.page import Denied, Missing
from suture.journal import Unavailable

#: Pages that one connection follows at most: one for each tab.
PAGES_MOST = 16
#: How often we look whether the journal has moved, and the shortest time between two flushes, in seconds.
LOOK_S, FLUSH_S = 0.04, 0.25
#: A sign of life for whoever waits, and when ages and deadlines are told anew though nothing happened, in seconds.
BEAT_S, ANEW_S = 10.0, 60.0
#: The same while something goes on in the background that moves the journal little or not at all.
BUSY_S = 1.0
#: How long a browser waits before it comes again, in milliseconds.
RETRY_MS = 500

#: Draws the page of an address: its HTML and the position up to which it holds.
Render = Callable[[str], tuple[str, int]]
#: What changes each time that a page is drawn and means nothing.
_FLEETING = re.compile(r'(name="(?:decision|position|csrf)" value=")[^"]*')


class Live:
    """The live elements of one page as they were last sent."""

    def __init__(self) -> None:
        self.parts: dict[str, str] = {}
        self.lists: dict[str, dict[str, str]] = {}

    def take(self, page: str, quiet: bool = False) -> str:
        """Compare with the page as it is now; returns the patch, "" where nothing has changed.

        ``quiet`` where the browser has drawn the same: then only what moves without the journal (``data-moving``) is sent, which
        may have moved on since.
        """
        tree = html.document_fromstring(page)
        patches: list[str] = []
        for element in tree.iter(etree.Element):
            id = element.get("id", "")
            if not id or element.get("data-live") is None:
                continue
            silent = quiet and element.get("data-moving") is None
            if element.get("data-each") is not None:
                changed = self._list(id, element)
                patches += [] if silent else changed
            else:
                written = _written(element)
                if _lasting(written) != self.parts.get(id) and not silent:
                    patches.append(written)
                self.parts[id] = _lasting(written)
        return "".join(patches)

    def _list(self, id: str, element: html.HtmlElement) -> list[str]:
        now = {child.get("id", ""): child for child in element}
        texts = {key: _lasting(_written(child)) for key, child in now.items()}
        before, self.lists[id] = self.lists.get(id), texts
        if before is not None and list(before.items()) == list(texts.items()):
            return []
        if before is None or "" in texts or [key for key in before if key in texts] != [key for key in texts if key in before]:
            return [_written(element)]
        gone = [f'<i data-remove="{html_escape(key)}"></i>' for key in before if key not in texts]
        changed = [_written(now[key]) for key in texts if key in before and before[key] != texts[key]]
        return [*gone, *changed, *_inserted(id, now, before)]


def _inserted(id: str, now: dict[str, html.HtmlElement], before: dict[str, str]) -> Iterator[str]:
    """New children, the last first, each before the one that follows it."""
    following = ""
    for key, child in reversed(now.items()):
        if key not in before:
            child.set("data-into", f"#{id}")
            if following:
                child.set("data-before", following)
            yield _written(child)
        following = key


def _written(element: html.HtmlElement) -> str:
    return str(etree.tostring(element, encoding="unicode", method="html", with_tail=False))


def _lasting(written: str) -> str:
    return _FLEETING.sub(r"\1", written)


def html_escape(text: str) -> str:
    """A text as the value of an attribute."""
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


class Stream:
    """One connection: which pages it follows, and from which position on."""

    def __init__(
        self,
        render: Render,
        moved: Callable[[int], bool],
        addresses: list[str],
        after: int,
        closing: Callable[[], bool] = lambda: False,
        busy: Callable[[], bool] = lambda: False,
    ) -> None:
        """``closing`` says when the server is about to stop: then the browser comes again until there is another.

        ``busy`` says whether something goes on in the background.
        """
        self.render, self.moved, self.position, self.closing, self.busy = render, moved, after, closing, busy
        self.pages = {address: Live() for address in addresses}
        self.drawn, self.anew_s = 0.0, ANEW_S

    async def messages(self) -> AsyncIterator[str]:
        """The messages, until the browser leaves or may not look any more."""
        yield f"retry: {RETRY_MS}\n\n"
        # what happened since the pages were drawn is not known: all of it is sent, unless nothing did
        yield await run_in_threadpool(self._flush, quiet=not await self._ahead())
        beat = monotonic()
        while self.pages and not self.closing():
            await asyncio.sleep(FLUSH_S if monotonic() - self.drawn < FLUSH_S else LOOK_S)
            if await self._ahead() or monotonic() - self.drawn > self.anew_s:
                yield await run_in_threadpool(self._flush)
                beat = monotonic()
            elif monotonic() - beat > BEAT_S:
                yield f"event: at\nid: {self.position}\ndata: {self.position}\n\n"
                beat = monotonic()
        if not self.pages:
            yield "event: over\ndata: over\n\n"

    async def _ahead(self) -> bool:
        try:
            return await run_in_threadpool(self.moved, self.position)
        except Unavailable:
            return False

    def _flush(self, quiet: bool = False) -> str:
        """Draw every page again and say what has changed; the position moves on even where nothing on the pages did."""
        # asked before anything is drawn: the end of what goes on is drawn as well
        self.anew_s = BUSY_S if self.busy() else ANEW_S
        messages, reached = [], []
        for address, live in list(self.pages.items()):
            try:
                page, position = self.render(address)
            except (Denied, Missing):
                del self.pages[address]
                continue
            except Unavailable:
                continue
            reached.append(position)
            patch = live.take(page, quiet)
            if patch:
                messages.append(msgspec.json.encode({"page": address, "html": patch}).decode())
        self.drawn = monotonic()
        # a page that was drawn first may not know what the last one does
        self.position = max(self.position, min(reached, default=0))
        patches = "".join(f"event: patch\nid: {self.position}\ndata: {message}\n\n" for message in messages)
        return patches + f"event: at\nid: {self.position}\ndata: {self.position}\n\n"

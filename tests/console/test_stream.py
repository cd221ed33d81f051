"""The stream: patches with the journal's positions, none twice, none lost, and nothing for strangers."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator
from urllib.parse import quote

from suture.console import stream as stream_module
from suture.console.app import _Console
from suture.console.page import Denied
from suture.console.stream import Live, Stream
from tests.console.conftest import Opened
from tests.console.test_decisions import form

PAGE = """<body><p id="a" data-live>{}</p><ol id="rows" data-live data-each>{}</ol></body>"""


def drawn(said: str, *rows: str) -> str:
    """A page with one live part and a live list."""
    return PAGE.format(said, "".join(f'<li id="r{row[0]}">{row}</li>' for row in rows))


def test_only_what_has_changed_is_sent() -> None:
    live = Live()
    live.take(drawn("one", "1", "2"))
    assert live.take(drawn("one", "1", "2")) == ""
    assert live.take(drawn("two", "1", "2")) == '<p id="a" data-live>two</p>'


def test_what_moves_without_the_journal_is_sent_though_the_page_has_just_been_drawn() -> None:
    """Else what came to its end between the page and the stream would never be told."""
    page = drawn("one", "1").replace("</body>", '<b id="run" data-live data-moving>{}</b></body>')
    live = Live()
    assert live.take(page.format("over"), quiet=True) == '<b id="run" data-live data-moving>over</b>'
    assert live.take(page.format("over")) == ""


def test_a_list_is_patched_in_three_words() -> None:
    live = Live()
    live.take(drawn("", "1", "2", "3"))
    patch = live.take(drawn("", "1", "4", "3 changed"))
    assert '<i data-remove="r2"></i>' in patch
    assert '<li id="r3">3 changed</li>' in patch
    assert re.search(r'<li id="r4" data-into="#rows" data-before="r3">4</li>', patch)
    assert "<ol" not in patch
    assert live.take(drawn("", "3 changed", "1", "4")).startswith('<ol id="rows"'), "another order is the whole list again"


def test_a_forms_fleeting_fields_are_no_change() -> None:
    live = Live()
    live.take(drawn('<input name="position" value="7">'))
    assert live.take(drawn('<input name="position" value="8">')) == ""


async def heard(messages: AsyncIterator[str], many: int) -> list[str]:
    """So many messages of a stream."""
    return [await asyncio.wait_for(anext(messages), 10) for _ in range(many)]


def stream_of(opened: Opened, address: str, after: int) -> Stream:
    """A stream as the console makes it for somebody with every role."""
    console = _Console(opened.desk, opened.sessions)
    cookie = opened.sessions.enter(opened.link(), opened.clock.now())

    def render(where: str) -> tuple[str, int]:
        session = opened.sessions.known(cookie, opened.clock.now(), awake=False)
        if session is None:
            raise Denied("the session has ended")
        return console._rendered(console.pages[where.strip("/")], session, {})

    return Stream(render, opened.desk.moved, [address], after)


def test_a_decision_reaches_an_open_page_with_the_position_of_the_journal(opened: Opened) -> None:
    client = opened.client()
    _, fields = form(client, opened)
    position = opened.journal.read(0, 100_000)[-1].position

    async def watch() -> list[str]:
        messages = stream_of(opened, "/today", position).messages()
        begun = await heard(messages, 2)
        assert client.post("/note", data={**fields, "verb": "assign", "to": "Lee Park"}).status_code == 303
        return [*begun, *await heard(messages, 1)]

    retry, quiet, flush = asyncio.run(watch())
    assert retry.startswith("retry:")
    assert "event: patch" not in quiet
    last = opened.journal.read(0, 100_000)[-1].position
    assert last > position
    assert f"id: {last}\n" in flush


def test_whoever_comes_back_is_told_what_was_missed(opened: Opened) -> None:
    client = opened.client()
    _, fields = form(client, opened)
    before = opened.journal.read(0, 100_000)[-1].position
    client.post("/note", data={**fields, "verb": "assign", "to": "Lee Park"})

    async def come_back() -> str:
        return (await heard(stream_of(opened, "/exceptions", before).messages(), 2))[1]

    told = asyncio.run(come_back())
    patches = [json.loads(line.removeprefix("data: ")) for line in told.splitlines() if line.startswith("data: {")]
    assert [patch["page"] for patch in patches] == ["/exceptions"]
    assert "taken on by Lee Park" in patches[0]["html"]


def test_many_changes_are_told_in_at_most_four_flushes_a_second(opened: Opened) -> None:
    stream = stream_of(opened, "/today", 0)
    stream.moved = lambda position: True

    async def count() -> int:
        flushes = 0

        async def read() -> None:
            nonlocal flushes
            async for _ in stream.messages():
                flushes += 1

        with_end = asyncio.wait_for(read(), 1.5)
        try:
            await with_end
        except TimeoutError:
            return flushes
        return flushes

    assert asyncio.run(count()) <= 2 + 1.5 / stream_module.FLUSH_S + 1


def test_a_stream_ends_with_its_session(opened: Opened) -> None:
    stream = stream_of(opened, "/today", 0)
    opened.clock.move_to(opened.clock.now().replace(year=2027))

    async def read() -> list[str]:
        return [message async for message in stream.messages()]

    assert asyncio.run(read())[-1].startswith("event: over")


def test_a_stranger_has_no_stream(opened: Opened) -> None:
    assert opened.stranger().get(f"/stream?after=0&page={quote('/today')}").status_code == 401


def test_pages_that_one_may_not_see_are_not_streamed(opened: Opened) -> None:
    """The connection of a viewer who asks for the audit ends at once: there is nothing to follow."""
    answer = opened.client("viewer").get("/stream", params={"after": "0", "page": "/audit"})
    assert "event: over" in answer.text
    assert "html" not in answer.text


def test_what_goes_on_in_the_background_is_drawn_though_the_journal_stands_still() -> None:
    async def patched() -> str:
        drawn = itertools.count()

        def render(address: str) -> tuple[str, int]:
            return f'<html><body><p id="read" data-live>{next(drawn)}</p></body></html>', 5

        async for message in Stream(render, lambda position: False, ["/proof"], 5, busy=lambda: True).messages():
            if "event: patch" in message:
                return message
        raise AssertionError("the stream has ended")

    assert "data-live" in asyncio.run(asyncio.wait_for(patched(), 20))

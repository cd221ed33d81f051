"""The link in memory: what the peer saw when a request or a reply is lost."""

from __future__ import annotations

import asyncio

import pytest

from suture.transports import Drop, NoReply, NotSent, Reply, Request, Taken
from suture.transports.memory import MemoryLink

FILE = Drop(name="statement.txt", body=b"balance")


class Peer:
    def __init__(self) -> None:
        self.seen: list[Request] = []

    def __call__(self, request: Request) -> Reply:
        self.seen.append(request)
        return Taken(body=b"ok")


def test_the_peer_acts_and_its_reply_comes_back() -> None:
    peer = Peer()
    assert asyncio.run(MemoryLink(peer).perform(FILE)) == Taken(body=b"ok")
    assert peer.seen == [FILE]


def test_a_lost_request_never_reaches_the_peer() -> None:
    peer = Peer()
    with pytest.raises(NotSent):
        MemoryLink(peer, lose_request=lambda request: True).answer(FILE)
    assert peer.seen == []


def test_a_lost_reply_leaves_a_peer_that_has_acted() -> None:
    peer = Peer()
    with pytest.raises(NoReply):
        MemoryLink(peer, lose_reply=lambda request: True).answer(FILE)
    assert peer.seen == [FILE]


def test_a_script_may_lose_the_second_reply_only() -> None:
    peer = Peer()
    link = MemoryLink(peer, lose_reply=lambda request: len(peer.seen) == 2)
    assert link.answer(FILE) == Taken(body=b"ok")
    with pytest.raises(NoReply):
        link.answer(FILE)
    assert link.answer(FILE) == Taken(body=b"ok")
    assert len(peer.seen) == 3


def test_nothing_gets_through_a_closed_link() -> None:
    peer = Peer()
    link = MemoryLink(peer)
    asyncio.run(link.close())
    with pytest.raises(NotSent):
        link.answer(FILE)
    assert peer.seen == []

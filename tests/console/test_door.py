"""The door: a link that opens once, sessions that end, one machine, and headers on every answer."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from starlette.testclient import TestClient

from suture.console.sessions import IDLE, LINK_LIVES, LONGEST, Sessions
from suture.gateway import Caller
from tests.console.conftest import NOW, Opened

CLERK = Caller(subject="Nia Osei", roles=("clerk",))


def test_a_stranger_sees_nothing(opened: Opened) -> None:
    stranger = opened.stranger()
    for path in ("/", "/today", "/today.json", "/documents?id=PO-REQ-000001", "/nowhere"):
        answer = stranger.get(path)
        assert answer.status_code == 401
        assert "suture console" in answer.text
        assert "PO-REQ" not in answer.text
    assert stranger.post("/decide", data={"case": "x"}).status_code == 401
    assert stranger.get("/static/console.css").status_code == 200
    assert stranger.get("/static/../app.py").status_code in (401, 404)


def test_the_link_opens_one_browser_once(opened: Opened) -> None:
    assert opened.stranger().get("/enter/wrong").status_code == 401
    link = opened.link()
    first = opened.stranger().get(f"/enter/{link}")
    assert first.status_code == 303
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert opened.stranger().get(f"/enter/{link}").status_code == 401


def test_a_link_grows_old() -> None:
    sessions = Sessions("suture")
    link = sessions.invite(CLERK, NOW)
    assert not sessions.enter(link, NOW + LINK_LIVES + timedelta(seconds=1))
    assert sessions.enter(sessions.invite(CLERK, NOW), NOW + LINK_LIVES)


def test_a_session_ends_when_nobody_looks_and_in_any_case() -> None:
    sessions = Sessions("suture")
    cookie = sessions.enter(sessions.invite(CLERK, NOW), NOW)
    moment = NOW
    while moment + IDLE <= NOW + LONGEST:
        moment += IDLE
        assert sessions.known(cookie, moment)
    assert sessions.known(cookie, NOW + LONGEST + timedelta(seconds=1)) is None
    cookie = sessions.enter(sessions.invite(CLERK, NOW), NOW)
    assert sessions.known(cookie, NOW + IDLE + timedelta(seconds=1)) is None


def test_a_stream_keeps_nobody_awake() -> None:
    sessions = Sessions("suture")
    cookie = sessions.enter(sessions.invite(CLERK, NOW), NOW)
    assert sessions.known(cookie, NOW + IDLE, awake=False)
    assert sessions.known(cookie, NOW + IDLE + timedelta(seconds=1)) is None


def test_sessions_outlive_the_process_and_links_do_not(tmp_path: Path) -> None:
    kept = tmp_path / "day.sessions"
    before = Sessions("suture", kept)
    cookie, link = before.enter(before.invite(CLERK, NOW), NOW), before.invite(CLERK, NOW)
    known = before.known(cookie, NOW)
    after = Sessions("suture", kept)
    again = after.known(cookie, NOW)
    assert known
    assert again
    assert (again.caller, again.csrf) == (CLERK, known.csrf)
    assert not after.enter(link, NOW)
    assert kept.stat().st_mode & 0o077 == 0
    text = kept.read_text()
    assert cookie not in text
    assert known.csrf not in text


def test_whoever_leaves_is_a_stranger(client: TestClient) -> None:
    csrf = re.findall(r'name="csrf" value="([^"]+)"', client.get("/today").text)[0]
    assert client.post("/leave", data={"csrf": "other"}).status_code == 303
    assert client.get("/today").status_code == 200
    assert client.post("/leave", data={"csrf": csrf}).status_code == 303
    assert client.get("/today").status_code == 401


def test_an_expired_session_is_a_stranger(client: TestClient, opened: Opened) -> None:
    assert client.get("/today").status_code == 200
    opened.clock.move_to(NOW + IDLE + timedelta(seconds=1))
    assert client.get("/today").status_code == 401


def test_every_answer_carries_the_headers(client: TestClient, opened: Opened) -> None:
    for answer in (client.get("/today"), client.get("/today.json"), opened.stranger().get("/"), client.get("/nowhere")):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_another_host_name_is_turned_away(client: TestClient) -> None:
    assert client.get("/today", headers={"host": "evil.example"}).status_code == 421
    assert client.get("/today", headers={"host": "localhost:8085"}).status_code == 200

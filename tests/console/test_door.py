"""The door: a link that opens once, sessions that end, one machine, and headers on every answer."""

from __future__ import annotations

from datetime import timedelta

from starlette.testclient import TestClient

from suture.console.sessions import IDLE, LINK_LIVES, LONGEST, Sessions
from tests.console.conftest import NOW, Opened


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
    first = opened.stranger().get(f"/enter/{opened.sessions.token}")
    assert first.status_code == 303
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert opened.stranger().get(f"/enter/{opened.sessions.token}").status_code == 401


def test_a_link_grows_old() -> None:
    sessions = Sessions("suture", NOW)
    assert not sessions.enter(sessions.token, NOW + LINK_LIVES + timedelta(seconds=1))
    assert sessions.enter(sessions.token, NOW + LINK_LIVES)


def test_a_session_ends_when_nobody_looks_and_in_any_case() -> None:
    sessions = Sessions("suture", NOW)
    cookie = sessions.enter(sessions.token, NOW)
    moment = NOW
    while moment + IDLE <= NOW + LONGEST:
        moment += IDLE
        assert sessions.known(cookie, moment)
    assert sessions.known(cookie, NOW + LONGEST + timedelta(seconds=1)) is None
    other = Sessions("suture", NOW)
    cookie = other.enter(other.token, NOW)
    assert other.known(cookie, NOW + IDLE + timedelta(seconds=1)) is None


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

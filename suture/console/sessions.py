"""Who may look: links that open once, each for one person, and the sessions that they opened."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from msgspec import Struct, field

from suture.gateway import Caller

#: A link waits so long for its one use.
LINK_LIVES = timedelta(minutes=15)
#: A session ends after so long without a request, and after so long in any case.
IDLE, LONGEST = timedelta(hours=2), timedelta(hours=12)
#: Content that was asked for with a purpose may be looked at for so long.
UNMASKED = timedelta(minutes=10)
#: Drafts of one session.
DRAFTS_MOST = 5
#: How often the file is written because somebody was seen.
_SEEN = timedelta(minutes=5)


class Session(Struct):
    """One browser: who looks through it, since when, last seen when, what it is told next, and what it may read unmasked."""

    caller: Caller
    begun: datetime
    seen: datetime
    said: str = ""
    unmasked: dict[str, datetime] = field(default_factory=dict)
    #: What somebody has mended and not sent yet, by exception; the latest few.
    drafts: dict[str, str] = field(default_factory=dict)
    #: The token of its forms; made from the cookie, so that it is never written down.
    csrf: str = ""

    def keep(self, case: str, content: str) -> None:
        """Keep a draft; one without content is forgotten, and so is the oldest of too many."""
        self.drafts.pop(case, None)
        if content:
            self.drafts[case] = content
        while len(self.drafts) > DRAFTS_MOST:
            del self.drafts[next(iter(self.drafts))]


class Sessions:
    """One-time links and what they opened. Only digests of what a browser holds are kept.

    With a file, sessions outlive the process: an open page goes on after a restart. Links never do.
    """

    def __init__(self, cookie: str, kept: Path | None = None) -> None:
        """``cookie`` is the cookie's name: two consoles on one machine need two, since cookies do not know ports."""
        self.cookie, self.kept = cookie, kept
        self._links: dict[str, tuple[Caller, datetime]] = {}
        self._open: dict[str, Session] = _read(kept) if kept else {}

    def invite(self, caller: Caller, now: datetime) -> str:
        """The secret of a new link for this person; it is handed out once, by whoever starts the console."""
        token = secrets.token_urlsafe(32)
        self._links[_digest(token)] = (caller, now + LINK_LIVES)
        return token

    def enter(self, token: str, now: datetime) -> str:
        """Spend a link: the new session's cookie, or "" if there is no such link, or it is spent or too old."""
        caller, ends = self._links.pop(_digest(token), (None, now))
        if caller is None or now > ends:
            return ""
        cookie = secrets.token_urlsafe(32)
        self._open[_digest(cookie)] = Session(caller=caller, begun=now, seen=now)
        self._write()
        return cookie

    def known(self, cookie: str, now: datetime, *, awake: bool = True) -> Session | None:
        """The session of a cookie, kept awake unless told not to; None if there is none or it has expired."""
        digest = _digest(cookie)
        session = self._open.get(digest)
        if session is None:
            return None
        until = session.caller.until
        if now - session.seen > IDLE or now - session.begun > LONGEST or (until is not None and now >= until):
            del self._open[digest]
            self._write()
            return None
        if awake:
            stale = now - session.seen >= _SEEN
            session.seen, session.csrf = now, _digest(f"form/{cookie}")
            session.unmasked = {id: until for id, until in session.unmasked.items() if until > now}
            if stale:
                self._write()
        return session

    def leave(self, cookie: str) -> None:
        """End a session."""
        if self._open.pop(_digest(cookie), None):
            self._write()

    def _write(self) -> None:
        if self.kept is None:
            return
        plain = {
            digest: Session(caller=session.caller, begun=session.begun, seen=session.seen)
            for digest, session in self._open.items()
        }
        fresh = self.kept.with_name(self.kept.name + ".new")
        with open(os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(plain))
        fresh.replace(self.kept)


def _read(kept: Path) -> dict[str, Session]:
    """The sessions of the file; none where it cannot be read: people come in again through a link."""
    try:
        return msgspec.json.decode(kept.read_bytes(), type=dict[str, Session])
    except (OSError, msgspec.MsgspecError):
        return {}


def same(given: str, wanted: str) -> bool:
    """Whether two secrets are the same, in a time that does not tell how alike they are."""
    return hmac.compare_digest(given.encode(), wanted.encode())


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()

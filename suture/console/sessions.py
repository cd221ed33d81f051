"""Who may look: a link that opens once, and the sessions that it opened, held in memory and gone with the process."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from msgspec import Struct

#: The link waits so long for its one use.
LINK_LIVES = timedelta(minutes=15)
#: A session ends after so long without a request, and after so long in any case.
IDLE, LONGEST = timedelta(hours=2), timedelta(hours=12)


class Session(Struct):
    """One browser: since when, last seen when, the token of its forms, and what it is to be told next."""

    begun: datetime
    seen: datetime
    csrf: str
    said: str = ""


class Sessions:
    """The one-time link and what it opened. Only digests of what a browser holds are kept."""

    def __init__(self, cookie: str, now: datetime) -> None:
        """``cookie`` is the cookie's name: two consoles on one machine need two, since cookies do not know ports."""
        self.cookie = cookie
        #: The secret of the link; it is handed out once, by whoever starts the console.
        self.token = secrets.token_urlsafe(32)
        self._link: str = _digest(self.token)
        self._link_ends = now + LINK_LIVES
        self._open: dict[str, Session] = {}

    def enter(self, token: str, now: datetime) -> str:
        """Spend the link: the new session's cookie, or "" if the token is another one, spent or too old."""
        if now > self._link_ends or not self._link or not hmac.compare_digest(self._link, _digest(token)):
            return ""
        self._link = ""
        cookie = secrets.token_urlsafe(32)
        self._open[_digest(cookie)] = Session(begun=now, seen=now, csrf=secrets.token_urlsafe(32))
        return cookie

    def known(self, cookie: str, now: datetime) -> Session | None:
        """The session of a cookie, kept awake; None if there is none or it has expired."""
        session = self._open.get(_digest(cookie))
        if session is None:
            return None
        if now - session.seen > IDLE or now - session.begun > LONGEST:
            del self._open[_digest(cookie)]
            return None
        session.seen = now
        return session


def same(given: str, wanted: str) -> bool:
    """Whether two secrets are the same, in a time that does not tell how alike they are."""
    return hmac.compare_digest(given.encode(), wanted.encode())


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()

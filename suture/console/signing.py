"""Signing in at the house's issuer: out with a browser that we will know again, and back with somebody proven."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from suture.console.drawing import draw
from suture.console.sessions import LONGEST, Sessions
from suture.gateway.identity import Pending, SignIn, Unproven
from suture.runtime.clock import Clock

#: Where the journey begins and ends; strangers may call both.
BEGIN, BACK = "/sign-in", "/signed-in"
#: Journeys that are remembered; the oldest is forgotten first. A browser's part lives as long as one may take, in seconds.
JOURNEYS_MOST, JOURNEY_S = 1000, 600
#: The session's cookie goes along with our own links only: a page of ours, not the issuer's redirect, has to lead on.
_ON = HTMLResponse('<!doctype html><title>Signed in</title><meta http-equiv="refresh" content="0; url=/"><a href="/">Go on</a>')


class Signing:
    """The two steps, each bound to one browser by a cookie that only they see."""

    def __init__(self, sign_in: SignIn, sessions: Sessions, clock: Clock) -> None:
        self._sign_in, self._sessions, self._clock = sign_in, sessions, clock
        self._cookie = f"{sessions.cookie}-journey"
        self._journeys: OrderedDict[bytes, Pending] = OrderedDict()

    def routes(self) -> list[Route]:
        """Both addresses."""
        return [Route(BEGIN, self.begin), Route(BACK, self.back)]

    async def begin(self, request: Request) -> Response:
        """Send the browser to the issuer."""
        try:
            url, pending = await self._sign_in.start()
        except Unproven:
            return draw("stranger.html", 503)
        browser = secrets.token_urlsafe(32)
        self._journeys[_mark(browser)] = pending
        while len(self._journeys) > JOURNEYS_MOST:
            self._journeys.popitem(last=False)
        answer = RedirectResponse(url, 303)
        # it comes back by a redirect from elsewhere, so that it cannot be as strict as the session's
        answer.set_cookie(self._cookie, browser, max_age=JOURNEY_S, httponly=True, samesite="lax", path=BACK)
        return answer

    async def back(self, request: Request) -> Response:
        """Open a session for whoever the issuer proved; a journey counts once."""
        pending = self._journeys.pop(_mark(request.cookies.get(self._cookie, "")), None)
        if pending is None:
            return draw("stranger.html", 401)
        try:
            caller = await self._sign_in.finish(pending, request.query_params)
        except Unproven as unproven:
            return draw("stranger.html", 503 if unproven.later else 401)
        now = self._clock.now()
        cookie = self._sessions.enter(self._sessions.invite(caller, now), now)
        answer = HTMLResponse(_ON.body)
        lives = int(LONGEST.total_seconds())
        answer.set_cookie(self._sessions.cookie, cookie, max_age=lives, httponly=True, samesite="strict", path="/")
        answer.delete_cookie(self._cookie, path=BACK)
        return answer


def _mark(browser: str) -> bytes:
    return hashlib.sha256(browser.encode()).digest()

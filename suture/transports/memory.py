"""A counterpart in the same process: requests are handed to a function, and losses happen where a script says so."""

from __future__ import annotations

from collections.abc import Callable

from suture.transports.exchange import NoReply, NotSent, Reply, Request


def _never(request: Request) -> bool:
    return False


class MemoryLink:
    """A Link to ``handle``; the simulator and the tests use it in place of a socket.

    ``lose_request`` makes a request vanish before the peer acts (NotSent), ``lose_reply`` makes the reply vanish after it
    has acted (NoReply). Both are asked once per request and may keep count. ``handle`` may raise NotSent or NoReply itself.
    """

    def __init__(
        self,
        handle: Callable[[Request], Reply],
        *,
        lose_request: Callable[[Request], bool] = _never,
        lose_reply: Callable[[Request], bool] = _never,
    ) -> None:
        self._handle = handle
        self._lose_request = lose_request
        self._lose_reply = lose_reply
        self._open = True

    def answer(self, request: Request) -> Reply:
        """What ``perform`` does, without an event loop."""
        if not self._open:
            raise NotSent("the link is closed")
        if self._lose_request(request):
            raise NotSent("the request was lost on its way")
        reply = self._handle(request)
        if self._lose_reply(request):
            raise NoReply("the reply was lost on its way")
        return reply

    async def perform(self, request: Request) -> Reply:
        """The peer's reply; raises NotSent or NoReply where the script says so."""
        return self.answer(request)

    async def close(self) -> None:
        """No request gets through after this."""
        self._open = False

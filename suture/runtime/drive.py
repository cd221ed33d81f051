"""Holding a conversation: a connector's requests go over a link, replies and failures come back to it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from typing import TypeVar

from suture.systems import Again, Outcome, Steps, Unsure
from suture.transports import NoReply, NotSent, Reply, Request
from suture.transports.exchange import Link

T = TypeVar("T")
_log = logging.getLogger(__name__)

#: Requests that one conversation may make.
LONGEST = 200


async def drive(steps: Steps, link: Link) -> Outcome:
    """Hold the conversation over a link; never raises: whatever goes wrong is an outcome."""
    turn = _Turn(steps)
    while turn.request is not None:
        try:
            reply: Reply | Exception = await link.perform(turn.request)
        except (NotSent, NoReply) as failure:
            reply = failure
        except Exception as failure:  # a link that breaks its law leaves doubt, not a delivery that nobody attends to
            reply = NoReply(f"the link failed: {type(failure).__name__}")
        turn.take(reply)
    return turn.outcome


def drive_at_once(steps: Steps, perform: Callable[[Request], Reply]) -> Outcome:
    """The same without a loop or sockets, for simulation and tests."""
    turn = _Turn(steps)
    while turn.request is not None:
        try:
            reply: Reply | Exception = perform(turn.request)
        except (NotSent, NoReply) as failure:
            reply = failure
        turn.take(reply)
    return turn.outcome


async def ask(question: Generator[Request, Reply, T], link: Link) -> T | None:
    """Hold a poll's conversation; None if the counterpart could not be asked this time.

    A failed request is told to the question, which may keep what it has learnt so far.
    """
    try:
        request = next(question)
        for _ in range(LONGEST):
            try:
                reply = await link.perform(request)
            except (NotSent, NoReply) as failure:
                request = question.throw(failure)
            else:
                request = question.send(reply)
    except StopIteration as end:
        answer: T = end.value
        return answer
    except (NotSent, NoReply):
        return None
    except Exception as error:  # a poll that stumbles over a strange reply must not stop being asked
        _log.warning("a poll stumbled over a reply: %s", type(error).__name__)
    return None


class _Turn:
    """Where a conversation stands: the request to make next, or the outcome."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.request: Request | None = None
        self.outcome: Outcome = Unsure(reason="the conversation had no end")
        self.asked = 0
        self.doubt = False
        self._advance(lambda: next(steps))

    def take(self, reply: Reply | Exception) -> None:
        if isinstance(reply, NoReply):
            self.doubt = True
        if isinstance(reply, Exception):
            self._advance(lambda: self.steps.throw(reply))
        else:
            self.doubt = True
            self._advance(lambda: self.steps.send(reply))

    def _advance(self, step: Callable[[], Request]) -> None:
        self.request = None
        try:
            self.request = step()
            self.asked += 1
            if self.asked > LONGEST:
                self.request = None
        except StopIteration as end:
            self.outcome = end.value
        except NotSent as failure:
            self.outcome = self._uncertain(str(failure) or "not sent")
        except NoReply as failure:
            self.outcome = Unsure(reason=str(failure) or "no reply")
        except Exception as error:  # a connector that stumbles over a strange reply must not lose the delivery
            self.outcome = self._uncertain(f"{type(error).__name__}: {error}"[:300])

    def _uncertain(self, reason: str) -> Outcome:
        """Once something may have reached the peer, failing is doubt; before that it is safe to try again."""
        return Unsure(reason=reason) if self.doubt else Again(reason=reason)

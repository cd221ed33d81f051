"""Polls: a counterpart is asked for what is new, all of it is taken in, and only then is it written how far that went.

At least once: what was taken in before a crash and the cursor does not know yet is read again, and known as a repeat.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

from suture.formats import Stamp
from suture.journal import State, Unit
from suture.runtime.drive import ask
from suture.runtime.network import Instance
from suture.runtime.relay import InThread
from suture.runtime.secrets import secret
from suture.runtime.wiring import Wiring
from suture.systems import Call, Poll
from suture.transports import Arrival
from suture.transports.exchange import Accept, Link

#: Built-in state: how far each poll has come.
POLLS = "polls"


async def poll_once(
    wiring: Wiring, instance: Instance, poll: Poll, link: Link, accept: Accept, now: datetime, in_thread: InThread
) -> int:
    """Ask once; accept what came, then remember how far it went. Returns how many messages came.

    Raises what ``accept`` raises, and Unavailable and Fenced; then the cursor stands where it stood.
    """
    name = f"{instance.name}/{poll.name}"
    cursor = await in_thread(lambda: poll_cursor(wiring, name))
    call = Call(
        key=name,
        stamp=Stamp(number=0, at=now.isoformat()),
        profile=instance.profile,
        options=instance.options,
        password=partial(secret, instance.password),
    )
    answer = await ask(poll.ask(cursor, call), link)
    if answer is None:
        return 0
    raws, after = answer
    for raw in raws:
        await accept(Arrival(instance=instance.name, channel=poll.name, raw=raw))
    if after != cursor:
        await in_thread(lambda: wiring.journal.commit([Unit(states=[_reached(wiring, name, after)])]))
    return len(raws)


def poll_cursor(wiring: Wiring, name: str) -> str:
    """How far a poll (INSTANCE/POLL) has come; "" at the beginning."""
    state = wiring.journal.states([(POLLS, name)]).get((POLLS, name))
    return state.data.decode() if state else ""


def _reached(wiring: Wiring, name: str, cursor: str) -> State:
    state = wiring.journal.states([(POLLS, name)]).get((POLLS, name))
    return State(POLLS, name, (state.version if state else 0) + 1, cursor.encode())

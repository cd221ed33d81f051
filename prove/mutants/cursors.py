"""Bugs of cursors: a poll, or a relay to a broker, goes on from behind something that nobody has."""

from __future__ import annotations

from prove.mutants.mutant import Mutant

_POLLING, _RELAY = "runtime/polling.py", "runtime/relay.py"
_ACCEPT = """    for raw in raws:
        await accept(Arrival(instance=instance.name, channel=poll.name, raw=raw))
"""
_MOVE = """    if after != cursor:
        await in_thread(lambda: wiring.journal.commit([Unit(states=[_reached(wiring, name, after)])]))
"""
_PUBLISH = "        kept = await self.broker.publish([message(event) for _, event in crossed]) if crossed else ()\n"
_READ = """            if not isinstance(reply, HttpReply) or reply.status != 200:
                break
"""

MUTANTS = (
    Mutant(
        name="a poll moves on before what it brought is in the journal",
        file=_POLLING,
        old=_ACCEPT + _MOVE,
        new=_MOVE + _ACCEPT,
    ),
    Mutant(
        name="a poll takes up the first of what it brought",
        file=_POLLING,
        old="    for raw in raws:\n",
        new="    for raw in raws[:1]:\n",
    ),
    Mutant(
        name="a poll moves on past what it could not read",
        file="systems/posted.py",
        old=_READ + "            number += 1\n",
        new="            number += 1\n" + _READ,
    ),
    Mutant(
        name="a relay moves on before the broker has what it relays",
        file=_RELAY,
        old=_PUBLISH,
        new="        await self.in_thread(lambda: self._move(page[-1].position))\n" + _PUBLISH,
    ),
    Mutant(
        name="a relay moves on past what the broker did not keep",
        file=_RELAY,
        old="page[-1].position if len(kept) == len(crossed) else crossed[len(kept)][0] - 1",
        new="page[-1].position",
    ),
    Mutant(
        name="a relay never moves on",
        file=_RELAY,
        old="        await self.in_thread(lambda: self._move(reached))\n",
        new="",
    ),
)

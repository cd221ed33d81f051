"""Who does what where several processes serve one network: roles, the parts of the river, and a fair share of them.

Each part has one owner at a time. An instance belongs to one process, so its breaker, quota, concurrency and order need no
agreement between hosts; a partition belongs to one, so its keys are decided in order. Everybody computes the same shares from the
same list of members: no coordinator, no vote.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from suture.runtime.wiring import Wiring

Role = Literal["gateway", "worker", "deliver"]
#: ``gateway`` takes messages in, and one of them sends to webhooks; ``worker`` decides; ``deliver`` talks to counterparts.
ROLES: tuple[Role, ...] = ("gateway", "worker", "deliver")
#: Parts that exist once: firing timers, sealing the journal, sending events to who subscribed, alerting people, exporting traces.
CLOCK, SEAL, WEBHOOKS, ALERTS, TRACES = "clock", "seal", "webhooks", "alerts", "traces"


#: The part of an instance's rate that all gateways but its owner take together for their look-ups, as long as there are any: so
#: its ceiling holds for all processes, and none has to ask another.
ELSEWHERE = 0.25


class Share(Struct, frozen=True):
    """The parts that this process owns; None stands for everything, where nobody shares. ``others`` are the gateways that live
    beside this process."""

    parts: frozenset[str] | None = None
    others: int = 0

    def holds(self, part: str) -> bool:
        """Whether a part is ours."""
        return self.parts is None or part in self.parts

    def partitions(self, count: int) -> list[int]:
        """The partitions to decide."""
        return [number for number in range(count) if self.holds(partition(number))]

    def delivers(self, instance: str) -> bool:
        """Whether we talk to an instance."""
        return self.holds(lane(instance))

    def of_rate(self, instance: str) -> float:
        """The part of an instance's rate within which this process calls it: the owner's, or ours of what gateways share."""
        if self.delivers(instance):
            return 1 - ELSEWHERE if self.others else 1.0
        return ELSEWHERE / (self.others + 1)


EVERYTHING, NOTHING = Share(), Share(frozenset())


def partition(number: int) -> str:
    """The part that decides a partition."""
    return f"work/{number}"


def lane(instance: str) -> str:
    """The part that talks to an instance."""
    return f"instance/{instance}"


def relay_part(relay: str) -> str:
    """The part that relays events to a broker; also the name of the cursor that says how far."""
    return f"relay/{relay}"


def parts_of(wiring: Wiring) -> dict[str, Role]:
    """All parts of a network, and the role that each belongs to."""
    decided: dict[str, Role] = {partition(number): "worker" for number in range(wiring.journal.partitions)}
    spoken: dict[str, Role] = {lane(name): "deliver" for name in wiring.instances}
    relayed: dict[str, Role] = {relay_part(relay.name): "deliver" for relay in wiring.network.relays}
    once: dict[str, Role] = {CLOCK: "worker", SEAL: "worker", WEBHOOKS: "gateway", ALERTS: "deliver", TRACES: "deliver"}
    return {**decided, **spoken, **relayed, **once}


def fair(parts: Mapping[str, Role], members: Sequence[tuple[str, Sequence[str]]]) -> dict[str, str]:
    """Which member each part belongs to: the one that ranks highest for it among those with room (rendezvous hashing with a
    bound), so that nobody has more than its share and little moves when somebody comes or goes. Parts of a role that nobody plays
    are left out."""
    owners: dict[str, str] = {}
    for role in ROLES:
        players = [name for name, roles in members if role in roles]
        wanted = sorted(part for part, plays in parts.items() if plays == role)
        owners |= _dealt(wanted, players)
    return owners


def _dealt(parts: Sequence[str], players: Sequence[str]) -> dict[str, str]:
    if not players:
        return {}
    room = -(-len(parts) // len(players))
    has: Counter[str] = Counter()
    owners = {}
    for part in parts:
        owner = max((player for player in players if has[player] < room), key=lambda player: _rank(player, part))
        owners[part] = owner
        has[owner] += 1
    return owners


def _rank(player: str, part: str) -> bytes:
    return hashlib.blake2b(f"{player}/{part}".encode(), digest_size=8).digest()


def mine(owners: Mapping[str, str], worker: str) -> frozenset[str]:
    """The parts that one worker should have."""
    return frozenset(part for part, owner in owners.items() if owner == worker)


def busy(parts: Iterable[str], instances: Iterable[str]) -> frozenset[str]:
    """Those of our parts that cannot be given away yet: somebody is talking to their instance."""
    talking = {lane(instance) for instance in instances}
    return frozenset(part for part in parts if part in talking)

"""One seed from beginning to end: the run, the judgement over it, and the figures."""

from __future__ import annotations

import traceback

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from suture.journal.seal import seal, verify
from suture.model import Delivered, MessageReceived
from suture.runtime.replay import replay
from suture.sandbox.group import MORNING
from suture.sandbox.simulator.invariants import Violation, violations
from suture.sandbox.simulator.plan import Plan
from suture.sandbox.simulator.state import state_hash
from suture.sandbox.simulator.world import World

#: The seal of a run; a simulation has nothing to hide.
KEY = Ed25519PrivateKey.from_private_bytes(b"simulation-seals-are-not-secret!")


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of one run."""

    seed: int
    scenario: str
    state_hash: str
    #: Documents that partners handed over, and documents that were brought to a system.
    documents: int
    days: float
    commits: int
    crash_points: int
    crashes: int
    faults: dict[str, int]
    violations: tuple[Violation, ...]


def simulate(plan: Plan) -> tuple[Outcome, World]:
    """Run a plan and judge it; whatever the runtime raises is a violation too."""
    world = World(plan)
    try:
        world.run()
        broken = [*violations(world), *_proofs(world)]
    except Exception as error:  # what stops the runtime is what the simulator looks for
        place = "".join(traceback.format_exception(error)[-4:])
        broken = [Violation("the runtime does not stop", f"{type(error).__name__}: {error}\n{place}")]
    return _outcome(plan, world, broken), world


def _proofs(world: World) -> list[Violation]:
    """Every decision comes out the same again, and the seal over the history verifies."""
    world.weather.ends = MORNING
    replayed = replay(world.disk, world.base.wiring.processes)
    found = [
        Violation("replay decides the same", f"at {row.position} {row.process} {row.key}: {row.then}, now {row.now}")
        for row in replayed.differences[:5]
    ]
    while seal(world.disk, KEY, world.clock.now()):
        pass
    return found + [Violation("the seal verifies", str(finding)) for finding in verify(world.disk, KEY.public_key())]


def _outcome(plan: Plan, world: World, broken: list[Violation]) -> Outcome:
    rows = world.disk.read(0, 1_000_000)
    accepted = sum(row.event.data.documents for row in rows if isinstance(row.event.data, MessageReceived))
    carried = sum(1 for row in rows if isinstance(row.event.data, Delivered) and row.event.data.outcome == "done")
    return Outcome(
        seed=plan.seed,
        scenario=plan.scenario,
        state_hash=state_hash(world.disk, world.stage),
        documents=accepted + carried,
        days=(world.clock.now() - MORNING).total_seconds() / 86400,
        commits=world.weather.number("commit"),
        crash_points=world.points,
        crashes=world.crashes,
        faults=dict(sorted(world.weather.struck.items())),
        violations=tuple(broken),
    )

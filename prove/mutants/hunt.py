"""A program of its own: simulate weeks with the ``suture`` that it finds until one breaks a promise, and tell which.

Every second round of seeds is a round of rough weeks. Arguments: the number of seeds, and the scenarios to try first. It writes
one JSON object.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
import time
from types import FrameType

from msgspec import structs

from prove.mutants.rough import RoughWorld, one_shelf
from suture.sandbox.day import usages
from suture.sandbox.simulator import run, world
from suture.sandbox.simulator.plan import plan_of
from suture.sandbox.simulator.world import World

#: So many seeds in a row are usual weeks, and as many rough ones follow.
ROUND = 6
#: How much further the seeds of the likely scenarios go.
DEEPER = 4
#: Processor time after which a seed is taken never to end; a usual one needs less than one second.
ENDLESS_S = 15
#: Memory that a run may take; a usual one needs a twentieth of it.
MEMORY_BYTES = 4 << 30


class Endless(BaseException):
    """This seed does not come to an end. No handler of the runtime may catch it."""


def order_of(seeds: int, scenarios: list[str]) -> list[int]:
    """The seeds, those of these scenarios first, and further seeds of these scenarios last."""
    likely = [seed for seed in range(seeds * DEEPER) if plan_of(seed).scenario in scenarios]
    first, last = [seed for seed in likely if seed < seeds], [seed for seed in likely if seed >= seeds]
    return [*first, *(seed for seed in range(seeds) if seed not in likely), *last]


def found_in(seed: int) -> tuple[str, str] | None:
    """The first promise that this seed's week breaks, and what was seen."""
    rough = seed // ROUND % 2 == 1
    plan = structs.replace(plan_of(seed), requisitions=6, usages=9 if rough else 4)
    # the seams: what ``simulate`` walks through, and what is used in its week
    vars(run)["World"] = RoughWorld if rough else World
    vars(world)["usages"] = one_shelf if rough else usages
    signal.setitimer(signal.ITIMER_PROF, ENDLESS_S)
    try:
        broken = run.simulate(plan)[0].violations
    except Endless:
        return "it comes to rest", f"not within {ENDLESS_S} s of processor time"
    except MemoryError:
        return "it comes to rest", "not within its memory"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return (broken[0].promise, broken[0].text) if broken else None


def _endless(number: int, frame: FrameType | None) -> None:
    raise Endless


def main(arguments: list[str]) -> None:
    """Hunt through the seeds."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    signal.signal(signal.SIGPROF, _endless)
    began = time.monotonic()
    told: dict[str, object] = {"promise": ""}
    for count, seed in enumerate(order_of(int(arguments[0]), arguments[1:]), 1):
        found = found_in(seed)
        told["tried"] = count
        if found is not None:
            told |= {"promise": found[0], "text": found[1][:500], "seed": seed}
            break
    sys.stdout.write(json.dumps({**told, "seconds": round(time.monotonic() - began, 2)}))


if __name__ == "__main__":
    main(sys.argv[1:])

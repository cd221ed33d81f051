"""``python -m bench.serve NETWORK.TOML DATABASE PROCESS [ROLES]``: ``suture run``, all roles or some, with one process.

The process is ``relay`` or ``waiting``; roles are told as one word, with commas.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from bench import approval, relay
from suture.cli import looping
from suture.runtime.network import read_network
from suture.runtime.serving import Serving
from suture.runtime.share import ROLES

PROCESSES = {each.name: each for each in (relay.PROCESS, approval.PROCESS)}


async def main(network: Path, database: str, process: str, roles: str = ",".join(ROLES)) -> None:
    """Serve until SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    wanted = [role for role in ROLES if role in roles.split(",")]
    serving = Serving(read_network(network), network.parent, database=database, roles=wanted)
    masters = serving.wiring.processes["masters"]
    serving.wiring.processes = {each.name: each for each in (masters, PROCESSES[process])}
    await serving.start()
    sys.stdout.write(f"listening on {serving.listening}\n")
    sys.stdout.flush()
    ended = asyncio.create_task(serving.failed())
    waiting = asyncio.create_task(stopped.wait())
    await asyncio.wait([ended, waiting], return_when=asyncio.FIRST_COMPLETED)
    await serving.stop()


if __name__ == "__main__":
    looping.run(main(Path(sys.argv[1]), *sys.argv[2:]))

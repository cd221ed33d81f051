"""Procure-to-pay: the demo's day, with its twins, faults and sockets in the same process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from bench.workload import Figure, Task, Workload
from suture.sandbox.demo import Demo

REQUISITIONS, USAGES = 500, 300


def run(task: Task) -> Iterator[Figure]:
    """Accepted documents a second, and the CPU of each, twins included."""
    rates, cpu = [], []
    for number in range(task.runs):
        folder = task.room(f"day-{number}")
        used = time.process_time()
        result = asyncio.run(Demo(folder, seed=1, requisitions=task.of(REQUISITIONS), usages=task.of(USAGES)).run())
        used = time.process_time() - used
        if not result.ok:
            found = result.audit
            raise RuntimeError(
                f"the day did not balance (ledger {result.ledger.balanced}); lost {found.lost[:3]}, doubled {found.doubled[:3]}"
            )
        accepted = sum(result.received.values())
        rates.append(accepted / result.seconds)
        cpu.append(1000 * used / accepted)
        task.tell(f"{accepted:,} documents in {result.seconds:.1f} s, {cpu[-1]:.2f} ms CPU each")
    yield Figure(
        workload="the demo's day, SQLite",
        unit="documents/s",
        ours=tuple(rates),
        cpu_ms=sorted(cpu)[len(cpu) // 2],
        note="procure-to-pay: documents accepted from partners, with all that follows, the twins' own work included",
    )


WORKLOAD = Workload(name="procure_to_pay", order=8, title="Procure-to-pay, the demo's mix", run=run)

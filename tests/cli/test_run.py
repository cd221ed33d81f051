"""``suture run`` as its own process: it says where it listens, stops when asked to, and survives being killed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

from suture.journal import open_journal
from suture.journal.shelves import load_keys
from suture.transports import NoReply, NotSent
from suture.transports.http import HttpLink
from suture.views import history, ledger
from tests.runtime.loopback import Loopback, filed, free_port, until, webhook

ROOT = Path(__file__).resolve().parents[2]
REQUISITIONS, KILLS = 60, 5


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 60))


async def begun(network: Path, *options: str) -> Process:
    """The command, as a shell would start it."""
    command = [sys.executable, "-m", "suture", "run", str(network), *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return await asyncio.create_subprocess_exec(*command, cwd=network.parent, env=environment, stdout=PIPE, stderr=PIPE)


async def listening(process: Process) -> str:
    """Its first line, within a limit; what it complained of if there is none."""
    assert process.stdout is not None
    assert process.stderr is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
    assert "listening on" in line, (line, (await process.stderr.read()).decode())
    return line


async def ended(process: Process) -> tuple[int, str, str]:
    """Its exit code and what it said."""
    out, err = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def service(network: Path, *options: str) -> AsyncIterator[Process]:
    """A process that is gone afterwards, whatever happens."""
    process = await begun(network, *options)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


def test_it_says_where_it_listens_serves_and_stops_when_asked(tmp_path: Path) -> None:
    async def story() -> None:
        async with Loopback(tmp_path) as house, service(house.write_network()) as process:
            line = await listening(process)
            assert line.startswith("Loopback hospital: listening on http://127.0.0.1:")
            assert "mllp://127.0.0.1:" in line
            async with webhook(line.split("listening on ")[1].split(",")[0]) as link:
                assert (await link.perform(filed(house.requisition(1)))).status == 202
            await until(lambda: house.ordered() == {"REQ-000001": 1}, "the order")
            process.send_signal(signal.SIGTERM)
            code, out, err = await ended(process)
            assert (code, err) == (0, "")
            assert out == "stopped; what is owed goes on at the next start\n"

    run(story())


def test_ctrl_c_stops_it_too(tmp_path: Path) -> None:
    async def story() -> None:
        async with service(Loopback(tmp_path).write_network()) as process:
            await listening(process)
            process.send_signal(signal.SIGINT)
            assert (await ended(process))[0] == 0

    run(story())


def test_a_broken_network_file_is_told_with_its_findings(tmp_path: Path) -> None:
    async def story() -> None:
        (tmp_path / "broken.toml").write_text('name = "x"\n[[instances]]\nname = "erp"\nsystem = "no_such_erp"\n')
        async with service(tmp_path / "broken.toml") as process:
            code, _, err = await ended(process)
        assert code == 1
        assert "instances.erp.system" in err
        assert "suture check" in err
        async with service(tmp_path / "absent.toml") as process:
            code, _, err = await ended(process)
        assert code == 1
        assert "there is no such file" in err

    run(story())


def test_what_stands_in_the_way_is_told_with_what_to_do_next(tmp_path: Path) -> None:
    async def story() -> None:
        house = Loopback(tmp_path)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            async with service(house.write_network(), "--port", str(port)) as process:
                code, _, err = await ended(process)
            assert code == 2
            assert f"cannot listen at http://127.0.0.1:{port}: the port is in use" in err
            assert "--port" in err
        (tmp_path / "masters/broken.json").write_text("{")
        async with service(house.write_network()) as process:
            code, _, err = await ended(process)
        assert code == 2
        assert "broken.json" in err
        for said in (err,):
            assert "Traceback" not in said

    run(story())


def test_killed_at_any_moment_every_accepted_requisition_is_ordered_exactly_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with Loopback(tmp_path) as house:
            house.erp.latency_s = 0.02
            port = free_port()
            network = house.write_network(port=port)
            accepted: set[int] = set()
            async with webhook(f"http://127.0.0.1:{port}") as link:
                senders = asyncio.create_task(send_all(link, house, accepted))
                await survive(network, accepted)
                async with service(network) as process:
                    await listening(process)
                    await asyncio.wait_for(senders, 20)
                    await until(lambda: len(house.ordered()) == REQUISITIONS, "every order in the ERP")
                    await until(lambda: len(house.dropped()) >= REQUISITIONS, "every interchange in the supplier's folder")
                    process.send_signal(signal.SIGTERM)
                    assert (await ended(process))[0] == 0
            assert set(house.ordered().values()) == {1}
            assert len(house.dropped()) == REQUISITIONS
            balance(tmp_path)

    run(story())


async def send_all(link: HttpLink, house: Loopback, accepted: set[int]) -> None:
    """File all requisitions, a few at once; a sender that is not told 202 sends again."""
    room = asyncio.Semaphore(4)

    async def send(number: int) -> None:
        raw = house.requisition(number)
        async with room:
            for _ in range(1000):
                try:
                    if (await link.perform(filed(raw))).status == 202:
                        accepted.add(number)
                        return
                except (NotSent, NoReply):
                    pass
                await asyncio.sleep(0.05)  # a polite sender
            raise AssertionError(f"requisition {number} was never accepted")

    await asyncio.gather(*(send(number) for number in range(1, REQUISITIONS + 1)))


async def survive(network: Path, accepted: set[int]) -> None:
    """Start the service and kill it, each time a moment after some more have been accepted."""
    chance = Random("kills")
    for after in sorted(chance.sample(range(2, REQUISITIONS - 2), KILLS)):
        async with service(network) as process:
            await listening(process)
            await until(lambda after=after: len(accepted) >= after, f"{after} accepted")
            await asyncio.sleep(chance.uniform(0, 0.1))
            process.kill()
            await process.communicate()
            assert process.returncode == -signal.SIGKILL


def balance(folder: Path) -> None:
    """Everything accepted is in exactly one place, and nothing was accepted twice."""
    journal = open_journal(folder / "suture.db", load_keys(folder))
    books = ledger(history(journal), sum(journal.repeats().values()))
    assert books.balanced
    assert (books.accepted, books.parked, books.refused) == (REQUISITIONS, 0, 0)
    assert not [delivery for delivery in journal.open_deliveries() if delivery.status in ("sending", "unknown", "parked")]
    journal.close()

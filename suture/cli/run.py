"""``suture run``: serve a network."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from suture.cli import looping
from suture.cli.check import extensions, findings_of
from suture.cli.output import console, counted, errors, fail
from suture.gateway import BadAccess
from suture.gateway.front import front
from suture.gateway.identity import BadIdentity
from suture.gateway.limits import BadLimits
from suture.journal import Fenced
from suture.runtime.logs import written
from suture.runtime.network import read_network
from suture.runtime.serving import BadAddress, CannotListen, Serving
from suture.runtime.share import ROLES


class Part(StrEnum):
    """What one process of several does."""

    all = "all"
    gateway = "gateway"
    worker = "worker"
    deliver = "deliver"


class LogStyle(StrEnum):
    """How a line of the log is written."""

    text = "text"
    json = "json"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(run)


def run(
    network: Annotated[str, typer.Argument(metavar="NETWORK.TOML", help="The network file.")],
    database: Annotated[
        str, typer.Option(metavar="URL", help="Another journal than the file names: a path or postgresql://…")
    ] = "",
    port: Annotated[int, typer.Option(help="Another port than the file names.")] = 0,
    role: Annotated[
        list[Part] | None,
        typer.Option(help="What this process does; may be given more than once. Several processes on one PostgreSQL share it."),
    ] = None,
    log: Annotated[LogStyle, typer.Option(help="How what operations should know is written to standard error.")] = LogStyle.text,
) -> None:
    """Serve a network until Ctrl-C: listen on its channels, decide, and deliver. Binds to loopback unless told otherwise.

    Any number of processes on any number of hosts may serve one PostgreSQL: each takes a fair share, and what one that dies or
    hangs had is taken over by the others. gateway takes messages in, worker decides, deliver talks to counterparts.

    Examples:

      suture run network.toml

      suture run network.toml --database postgresql://127.0.0.1/suture

      suture run network.toml --database postgresql://db.example/suture --role worker --role deliver
    """
    known, broken = extensions()
    problems = [finding for finding in broken or findings_of(network, known) if finding.severity == "error"]
    if problems:
        for finding in problems:
            errors.print("[red]error[/red] ", end="")
            errors.print(str(finding), soft_wrap=True, markup=False)
        fail(f"{network} has {counted(len(problems), 'error')}", f"mend them; `suture check {network}` lists them again", 1)
    roles = ROLES if not role or Part.all in role else tuple(part.value for part in role)
    with written(log.value):
        looping.run(_serve(Path(network), database, port, roles))


async def _unless(stopped: asyncio.Event, start: Coroutine[Any, Any, None]) -> None:
    """Start, unless it is stopped first: it may have to wait for others."""
    starting, stopping = asyncio.create_task(start), asyncio.create_task(stopped.wait())
    await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not starting.done():
        starting.cancel()
        await asyncio.wait([starting])
        raise typer.Exit
    await starting


async def _serve(path: Path, database: str, port: int, roles: Sequence[Any]) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopped.set)
    try:
        serving = Serving(read_network(path), path.parent, database=database, port=port, roles=roles, wing=front)
        await _unless(stopped, serving.start())
    except CannotListen as error:
        fail(str(error), f"stop what listens there, or name another address: --port, or port and listen in {path}")
    except Fenced as error:
        fail(str(error), "one process serves a file; several can share a PostgreSQL: --database postgresql://…")
    except BadAddress as error:
        fail(str(error), f"mend the address in {path}; `suture check {path}` knows the forms")
    except (BadAccess, BadIdentity, BadLimits) as error:
        fail(str(error), f"mend access.toml, identity.toml or gateway.toml beside {path}; docs/gateway.md knows the fields")
    does = f"listening on {serving.listening}" if serving.listening else f"{' and '.join(roles)}, listening nowhere"
    console.print(f"{serving.network.name}: {does}; Ctrl-C stops", soft_wrap=True, markup=False)
    waits = [asyncio.create_task(stopped.wait()), asyncio.create_task(serving.failed())]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    await serving.stop()
    if serving.service.failure is not None:
        fail(f"stopped: {serving.service.failure}", "everything acknowledged is in the journal; start again")
    console.print("stopped; what is owed goes on at the next start")

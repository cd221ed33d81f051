"""``suture run``: serve a network."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer

from suture.cli import looping
from suture.cli.check import extensions, findings_of
from suture.cli.output import console, counted, errors, fail
from suture.runtime.network import read_network
from suture.runtime.serving import BadAddress, CannotListen, Serving


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(run)


def run(
    network: Annotated[str, typer.Argument(metavar="NETWORK.TOML", help="The network file.")],
    database: Annotated[
        str, typer.Option(metavar="URL", help="Another journal than the file names: a path or postgresql://…")
    ] = "",
    port: Annotated[int, typer.Option(help="Another port than the file names.")] = 0,
) -> None:
    """Serve a network until Ctrl-C: listen on its channels, decide, and deliver. Binds to loopback unless told otherwise.

    Examples:

      suture run network.toml

      suture run network.toml --database postgresql://127.0.0.1/suture
    """
    known, broken = extensions()
    problems = [finding for finding in broken or findings_of(network, known) if finding.severity == "error"]
    if problems:
        for finding in problems:
            errors.print("[red]error[/red] ", end="")
            errors.print(str(finding), soft_wrap=True, markup=False)
        fail(f"{network} has {counted(len(problems), 'error')}", f"mend them; `suture check {network}` lists them again", 1)
    looping.run(_serve(Path(network), database, port))


async def _serve(path: Path, database: str, port: int) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopped.set)
    try:
        serving = Serving(read_network(path), path.parent, database=database, port=port)
        await serving.start()
    except CannotListen as error:
        fail(str(error), f"stop what listens there, or name another address: --port, or port and listen in {path}")
    except BadAddress as error:
        fail(str(error), f"mend the instance in {path}; `suture check {path}` knows the forms")
    console.print(f"{serving.network.name}: listening on {serving.listening}; Ctrl-C stops", soft_wrap=True, markup=False)
    waits = [asyncio.create_task(stopped.wait()), asyncio.create_task(serving.failed())]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    await serving.stop()
    if serving.service.failure is not None:
        fail(f"stopped: {serving.service.failure}", "everything acknowledged is in the journal; start again")
    console.print("stopped; what is owed goes on at the next start")

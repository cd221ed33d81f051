"""``suture console``: one operational picture of a journal, in the browser."""

from __future__ import annotations

import asyncio
import getpass
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from suture.cli import looping
from suture.cli.output import JournalOption, books_file, console, existing_journal, fail
from suture.console import Desk, Sessions, console_app
from suture.journal.blobs import load_or_create_key
from suture.runtime.clock import SystemClock
from suture.runtime.network import Network, read_network
from suture.runtime.wiring import Wiring
from suture.transports.http_server import serve

HOST = "127.0.0.1"
#: Letters of a name at most.
NAME_LETTERS = 60


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("console")(open_console)


def open_console(
    journal: Annotated[str, JournalOption] = ".",
    port: Annotated[int, typer.Option(help="Where it listens on 127.0.0.1; 0 for any free port.")] = 8085,
    actor: Annotated[str, typer.Option("--as", metavar="NAME", help="In whose name decisions are made; else your login.")] = "",
    network: Annotated[str, typer.Option(help="The network file; needed to read a parked message again.")] = "",
    at: Annotated[
        datetime | None, typer.Option(metavar="TIME", help="Tell ages and deadlines as of this time, UTC; now if left out.")
    ] = None,
) -> None:
    """Look at a journal in the browser, and decide about its exceptions, until Ctrl-C. Only this machine can reach it.

    The link that is printed opens one browser, once. The network may go on running meanwhile.

    Examples:

      suture console --journal day

      suture console -j day --port 9000 --as "Nia Osei" --network network.toml
    """
    name = actor.strip() or _login()
    if not name or len(name) > NAME_LETTERS or not name.isprintable():
        fail(f"{name!r} is no name for a decision", f"say who decides: --as NAME, at most {NAME_LETTERS} letters")
    declared = read_network(Path(network)) if network else Network(name="none")
    opened, folder = existing_journal(journal)
    try:
        wiring = Wiring(opened, declared, privacy_key=load_or_create_key(folder / "privacy.key"))
        as_of = at.replace(tzinfo=UTC) if at else None
        desk = Desk(wiring, books_file(journal, folder), name, SystemClock(), place=journal, at=as_of)
        with desk.ask({}):
            pass  # the first look reads the whole journal; the first page should not wait for it
        looping.run(_serve(desk, port))
    finally:
        opened.close()


def _login() -> str:
    """Who is logged in; "" where the machine does not know."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


async def _serve(desk: Desk, port: int) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopped.set)
    sessions = Sessions(f"suture-{port}", desk.clock.now())
    try:
        server = await serve(console_app(desk, sessions), HOST, port, grace_s=2)
    except OSError as failure:
        fail(f"cannot listen at http://{HOST}:{port}: {failure.strerror}", "name another port: --port, or 0 for any free one")
    console.print(f"http://{HOST}:{server.port}/enter/{sessions.token}", soft_wrap=True, markup=False)
    console.print(f"opens one browser, once, for {desk.actor}; Ctrl-C stops", soft_wrap=True, markup=False)
    await stopped.wait()
    await server.stop()
    console.print("stopped")

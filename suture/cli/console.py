"""``suture console``: one operational picture of a journal, in the browser."""

from __future__ import annotations

import asyncio
import getpass
import signal
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, TaskID, TextColumn, TimeElapsedColumn

from suture.cli import looping
from suture.cli.output import JournalOption, books_file, console, errors, existing_journal, fail
from suture.console import Desk, Sessions, console_app
from suture.gateway import ROLES, Access, BadAccess, Caller, read_access
from suture.gateway.identity import BadIdentity, Identity, Settings, read_identity
from suture.journal.blobs import load_or_create_key
from suture.runtime.clock import Clock, SystemClock
from suture.runtime.network import Network, read_network
from suture.runtime.wiring import Wiring
from suture.transports.http_server import serve

HOST = "127.0.0.1"
#: Letters of a name at most.
NAME_LETTERS = 60
#: The roles of whoever starts the console and names none.
OWNER = ("operator", "clerk")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("console")(open_console)


def open_console(
    journal: Annotated[str, JournalOption] = ".",
    port: Annotated[int, typer.Option(help="Where it listens on 127.0.0.1; 0 for any free port.")] = 8085,
    actor: Annotated[str, typer.Option("--as", metavar="NAME", help="In whose name decisions are made; else your login.")] = "",
    role: Annotated[list[str] | None, typer.Option(help="A role of theirs, once for each; else operator and clerk.")] = None,
    access: Annotated[str, typer.Option(help="The access policy, a TOML file; the standard roles without one.")] = "",
    network: Annotated[str, typer.Option(help="The network file; needed to read a parked message again.")] = "",
    identity: Annotated[str, typer.Option(help="identity.toml: people may sign in at the issuer that its [login] names.")] = "",
    at: Annotated[
        datetime | None, typer.Option(metavar="TIME", help="Tell ages and deadlines as of this time, UTC; now if left out.")
    ] = None,
) -> None:
    """Look at a journal in the browser, and decide about its exceptions, until Ctrl-C. Only this machine can reach it.

    The link that is printed opens one browser, once. The network may go on running meanwhile.

    Examples:

      suture console --journal day

      suture console -j day --port 9000 --as "Nia Osei" --network network.toml

      suture console -j day --as treasury-1 --role treasurer
    """
    policy = _policy(access)
    caller = caller_of(actor.strip(), tuple(role or OWNER), policy)
    declared = read_network(Path(network)) if network else Network(name="none")
    stay(journal, declared, caller, port, policy, at.replace(tzinfo=UTC) if at else None, _believed(identity))


def stay(
    journal: str,
    network: Network,
    caller: Caller,
    port: int,
    access: Access,
    at: datetime | None = None,
    believed: Settings | None = None,
    clock: Clock | None = None,
) -> None:
    """Keep the console of a journal open until Ctrl-C; ``at`` as of when ages are told, now if left out; ``believed`` says where
    people sign in; ``clock`` tells the time of decisions, the system's own if left out."""
    opened, folder = existing_journal(journal)
    try:
        wiring = Wiring(opened, network, privacy_key=load_or_create_key(folder / "privacy.key"))
        desk = Desk(wiring, books_file(journal, folder), clock or SystemClock(), access=access, place=journal, at=at)
        look(desk)
        try:
            looping.run(serve_console(desk, caller, port, believed or Settings()))
        finally:
            desk.close()
    finally:
        opened.close()


def _policy(place: str) -> Access:
    try:
        return read_access(Path(place)) if place else Access()
    except BadAccess as bad:
        fail(str(bad), "mend the access policy, or leave it out for the standard roles")


def _believed(place: str) -> Settings:
    try:
        settings = read_identity(Path(place)) if place else Settings()
    except BadIdentity as bad:
        fail(str(bad), "mend the identity file; docs/security.md knows its fields")
    if place and settings.login is None:
        fail(f"{place} has no [login]", "name issuer, client_id and redirect (http://127.0.0.1:PORT/signed-in) there")
    return settings


def caller_of(name: str, roles: tuple[str, ...], access: Access) -> Caller:
    """Who looks (the login where no name is given), with roles that one person may hold; leaves with a reason otherwise."""
    name = name or _login()
    if not name or len(name) > NAME_LETTERS or not name.isprintable():
        fail(f"{name!r} is no name for a decision", f"say who decides: --as NAME, at most {NAME_LETTERS} letters")
    known = {**ROLES, **access.roles}
    strange = [role for role in roles if role not in known]
    if strange:
        fail(f"there is no role {', '.join(strange)}", f"roles are {', '.join(known)}")
    caller = Caller(subject=name, roles=roles)
    together = access.apart(caller)
    if together:
        fail(f"nobody holds {' and '.join(roles)} at once: {'; '.join(together)}", "open a console for each of them")
    return caller


def _login() -> str:
    """Who is logged in; "" where the machine does not know."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def look(desk: Desk) -> None:
    """The first look reads the whole journal, with progress at a terminal; the first page should not wait for it."""
    columns = (TextColumn("Reading the journal"), TextColumn("{task.completed:,} events"), TimeElapsedColumn())
    with Progress(*columns, console=errors, disable=not errors.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=None)
        tell = partial(_reached, bar, task)
        with desk.ask({}, tell=tell) as ask, ask.figures(tell):
            pass


def _reached(bar: Progress, task: TaskID, position: int) -> None:
    bar.update(task, completed=position)


async def serve_console(desk: Desk, caller: Caller, port: int, believed: Settings) -> None:
    """Listen until Ctrl-C, and print the link; leaves with a reason where the port is taken."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopped.set)
    sessions = Sessions(f"suture-{port}", desk.books.with_suffix(".sessions"))
    token = sessions.invite(caller, desk.clock.now())
    identity = Identity(believed, desk.wiring.journal, desk.clock, access=desk.access)
    try:
        server = await serve(console_app(desk, sessions, identity.login), HOST, port, grace_s=1)
    except OSError as failure:
        fail(f"cannot listen at http://{HOST}:{port}: {failure.strerror}", "name another port: --port, or 0 for any free one")
    console.print(f"http://{HOST}:{server.port}/enter/{token}", soft_wrap=True, markup=False)
    roles = " and ".join(caller.roles)
    console.print(f"opens one browser, once, for {caller.subject} ({roles}); Ctrl-C stops", soft_wrap=True, markup=False)
    await stopped.wait()
    desk.closing = True
    await server.stop()
    await identity.close()
    console.print("stopped")

"""``suture subscriptions``: who is sent which events where, and every command about it."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from suture.cli.output import JournalOption, JsonOption, console, existing_journal, fail, write_json
from suture.cli.tables import plain_table
from suture.gateway.access import Caller
from suture.gateway.events import subscribing
from suture.gateway.events.addresses import Network, listed
from suture.gateway.events.desk import shown
from suture.gateway.events.subscribing import Moved, NotSubscribed, Wanted, Word
from suture.gateway.events.subscription import Subscription, secrets, subscriptions
from suture.journal import Journal
from suture.journal.blobs import load_or_create_key
from suture.runtime.clock import SystemClock
from suture.runtime.network import read_network


class Verb(StrEnum):
    """What can be done to a subscription."""

    LIST = "list"
    ADD = "add"
    PAUSE = "pause"
    RESUME = "resume"
    REWIND = "rewind"
    ROTATE = "rotate"
    END = "end"


ACTS: Mapping[Verb, Callable[..., Subscription]] = {
    Verb.PAUSE: subscribing.pause,
    Verb.RESUME: subscribing.resume,
    Verb.ROTATE: subscribing.rotate,
    Verb.END: subscribing.finish,
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("subscriptions")(manage)


def manage(
    verb: Annotated[Verb, typer.Argument(help="What to do.")] = Verb.LIST,
    name: Annotated[str, typer.Argument(help="Which subscription.")] = "",
    journal: Annotated[str, JournalOption] = ".",
    url: Annotated[str, typer.Option(help="Where events are sent.")] = "",
    types: Annotated[list[str] | None, typer.Option("--type", help="A document or event type; without it all.")] = None,
    role: Annotated[list[str] | None, typer.Option(help="In whose role it hears; analyst by itself.")] = None,
    supplier: Annotated[str, typer.Option(help="The partner whose events it hears, and no others.")] = "",
    owner: Annotated[str, typer.Option(help="The team that answers for it.")] = "",
    start: Annotated[
        str, typer.Option("--from", metavar="TIME|POSITION", help="Begin, or go back to, here; a new one begins now.")
    ] = "",
    network: Annotated[str, typer.Option(metavar="NETWORK.TOML", help="The network file that lists private networks.")] = "",
    actor: Annotated[str, typer.Option(help="Who says so; you by itself.")] = "",
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    vouch: Annotated[bool, typer.Option("--vouch", help="The address agreed in another way: do not ask it first.")] = False,
    json: Annotated[str, JsonOption] = "",
) -> None:
    """List subscriptions to events, or add, pause, resume, rewind, rotate or end one; each is journaled with who and why.

    An address is asked first whether it agrees (CloudEvents web hooks, section 4), unless you vouch for it. To go back sends
    events again under the same ids; nothing is decided or delivered. A secret is shown once.

    Examples:

      suture subscriptions -j day

      suture subscriptions add lake --url https://lake.example/hook --type PurchaseOrder --reason "spend reports" -j day

      suture subscriptions rewind lake --from 2026-03-02T08:00Z --reason "they lost a day" -j day
    """
    opened, folder = existing_journal(journal)
    try:
        if verb is Verb.LIST:
            _list(opened, json)
            return
        word = Word(actor=actor or getpass.getuser(), reason=reason, now=SystemClock().now())
        hears = Caller(
            subject=f"subscription/{name}", roles=tuple(role or ["supplier" if supplier else "analyst"]), supplier=supplier
        )
        wanted = Wanted(name=name, url=url, types=tuple(types or ()), owner=owner, after=_position(opened, start))
        done = _do(opened, verb, wanted, hears, word, _allowed(network), vouch)
        _told(done, verb, folder, word.now, json)
    finally:
        opened.close()


def _do(
    journal: Journal, verb: Verb, wanted: Wanted, hears: Caller, word: Word, allowed: tuple[Network, ...], vouched: bool
) -> Subscription:
    try:
        if verb is Verb.ADD:
            return subscribing.subscribe(journal, wanted, hears, word, allowed, vouched=vouched)
        if verb is Verb.REWIND:
            if wanted.after is None:
                fail("rewind needs to know where to", "add --from POSITION or --from TIME")
            return subscribing.rewind(journal, wanted.name, wanted.after, word)
        return ACTS[verb](journal, wanted.name, word)
    except (NotSubscribed, Moved) as error:
        fail(str(error), "`suture subscriptions` lists them as they are now", 1)
    except ValueError as error:
        fail(str(error), "`suture subscriptions --help` has examples")


def _position(journal: Journal, start: str) -> int | None:
    if not start or start.isdecimal():
        return int(start) if start else None
    try:
        moment = datetime.fromisoformat(start)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        fail(f"--from {start} is neither a position nor a time", "write 1200, or 2026-03-02T08:00Z")
    return subscribing.before(journal, moment)


def _allowed(network: str) -> tuple[Network, ...]:
    return listed(read_network(Path(network)).private_networks) if network else ()


def _told(done: Subscription, verb: Verb, folder: Path, now: datetime, json: str) -> None:
    new = verb in (Verb.ADD, Verb.ROTATE)
    secret = secrets(load_or_create_key(folder / "webhooks.key"), done, now)[0] if new else ""
    if json:
        write_json(json, {**_plain(done), **({"secret": secret} if secret else {})})
        return
    _line(f"{done.name}: {done.status}, at {done.position}")
    if secret:
        _line(f"its secret, shown this once: {secret}")


def _list(journal: Journal, json: str) -> None:
    known = [each.subscription for each in subscriptions(journal)]
    if json:
        write_json(json, [_plain(each) for each in known])
        return
    table = plain_table("Subscriptions", "name", "status", "hears", "types", "at", "received", "answers for it", "trouble")
    for column in table.columns:
        column.justify = "left"
    for each in known:
        hears = " ".join(each.hears.roles) + (f" of {each.hears.supplier}" if each.hears.supplier else "")
        types = ", ".join(each.types) or "all"
        table.add_row(each.name, each.status, hears, types, str(each.position), str(each.received), each.owner, each.why)
    console.print(table)


def _plain(subscription: Subscription) -> dict[str, object]:
    told = shown(subscription)
    return {name: getattr(told, name) for name in told.__struct_fields__ if name != "secret"}


def _line(text: str) -> None:
    console.print(text, soft_wrap=True, markup=False)

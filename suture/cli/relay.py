"""``suture relay``: how far each relay has come, and the same events once more, from any position or time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct

from suture.cli import looping
from suture.cli.output import JsonOption, console, counted, existing_journal, fail, write_json
from suture.journal import Journal, Recorded
from suture.runtime.network import Network, Relay, read_network
from suture.runtime.relay import NoBroker, Repeated, behind, open_broker, relay_again
from suture.runtime.share import relay_part
from suture.transports import NoReply, NotSent
from suture.views import history


class Standing(Struct, frozen=True, kw_only=True):
    """How far a relay has come, and how many events it has not looked at yet."""

    relay: str
    position: int
    behind: int


class Span(Struct, frozen=True, kw_only=True):
    """Recorded events from a position or moment on, up to and with a position or before a moment."""

    first: int = 0
    last: int = 0
    since: datetime | None = None
    before: datetime | None = None

    def of(self, journal: Journal) -> Iterator[Recorded]:
        """The events of the journal in this span, in order."""
        for recorded in history(journal, max(self.first - 1, 0)):
            if recorded.position > self.last:
                return
            at = recorded.event.at
            if (self.since is None or at >= self.since) and (self.before is None or at < self.before):
                yield recorded


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(relay)


def relay(
    network: Annotated[str, typer.Argument(metavar="NETWORK.TOML", help="The network file.")],
    name: Annotated[str, typer.Option(help="Only this relay; needed to repeat if the file has several.")] = "",
    start: Annotated[str, typer.Option("--from", metavar="TIME|POSITION", help="Publish again from here on.")] = "",
    end: Annotated[
        str, typer.Option("--to", metavar="TIME|POSITION", help="Before this time, or up to and with this position.")
    ] = "",
    label: Annotated[
        str, typer.Option("--as", metavar="LABEL", help="Also what the broker still has: once more for each label.")
    ] = "",
    database: Annotated[
        str, typer.Option(metavar="URL", help="Another journal than the file names: a path or postgresql://…")
    ] = "",
    json: Annotated[str, JsonOption] = "",
) -> None:
    """Tell how far each relay has come; with --from publish events again, from the journal into the relay's own stream.

    Only the stream changes: nothing is decided or delivered, and no cursor moves. Without --to it goes on to where the relay has
    come. Events keep their ids; what the broker remembers by id it does not keep twice, unless --as names the repetition.

    Examples:

      suture relay network.toml

      suture relay network.toml --from 2026-03-02T08:00Z --to 2026-03-03

      suture relay network.toml --from 1200 --to 1300 --as audit-7
    """
    declared = read_network(Path(network))
    chosen = [each for each in declared.relays if name in ("", each.name)]
    if not chosen:
        fail(f"{network} has no relay{f' {name}' if name else ''}", "[[relays]] declares one; see docs/events.md")
    if start and len(chosen) > 1:
        fail("the file has several relays", f"name one: --name {chosen[0].name}")
    opened, _ = existing_journal(
        database or (declared.journal if "://" in declared.journal else str(Path(network).parent / declared.journal))
    )
    try:
        report = _again(opened, declared, chosen[0], start, end, label) if start else _standings(opened, chosen)
    finally:
        opened.close()
    if json:
        write_json(json, report)
    if json != "-":
        _print(report)


def _standings(journal: Journal, relays: list[Relay]) -> list[Standing]:
    return [
        Standing(relay=each.name, position=journal.cursor(relay_part(each.name)), behind=behind(journal, each)) for each in relays
    ]


def _again(journal: Journal, network: Network, relay: Relay, start: str, end: str, label: str) -> Repeated:
    first, since = _bound(start, "--from")
    last, before = _bound(end, "--to")
    reached = journal.cursor(relay_part(relay.name))
    span = Span(first=first, last=min(last or reached, reached), since=since, before=before)

    async def publish() -> Repeated:
        broker = open_broker(relay, again=True)
        try:
            return await relay_again(span.of(journal), network.name, broker, relay.types, label)
        finally:
            await broker.close()

    try:
        return looping.run(publish())
    except NoBroker as error:
        fail(str(error), "mend the relay in the network file; `suture check` knows the forms")
    except (NotSent, NoReply) as failure:
        fail(f"relay {relay.name}: {failure}", "is the broker up? run the same command again: what it has it keeps once")


def _bound(text: str, option: str) -> tuple[int, datetime | None]:
    """A position, or a moment in UTC unless it says otherwise; leaves with a reason for anything else."""
    if not text or text.isdecimal():
        return int(text or 0), None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{option} {text} is neither position nor time", "write 1200, 2026-03-02 or 2026-03-02T08:00Z")
    return 0, moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _print(report: list[Standing] | Repeated) -> None:
    if isinstance(report, Repeated):
        _line(f"{counted(report.events, 'event')} published up to {report.position}; the broker still had {report.known:,}")
        return
    for each in report:
        waits = f"{'10,000 or more events' if each.behind >= 10_000 else counted(each.behind, 'event')} behind"
        _line(f"{each.relay}: at {each.position}, {waits if each.behind else 'nothing left to relay'}")


def _line(text: str) -> None:
    console.print(text, soft_wrap=True, markup=False)

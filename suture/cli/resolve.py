"""``suture resolve``: a person's decision about an exception, a parked message or a delivery."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Annotated

import typer

from suture.cli.output import JournalOption, console, existing_journal, fail
from suture.journal.blobs import load_or_create_key
from suture.model import Decision, Ref
from suture.runtime.clock import SystemClock
from suture.runtime.command import NoSuchThing, Stale, command
from suture.runtime.network import Network, read_network
from suture.runtime.wiring import Wiring


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(resolve)


def resolve(
    subject: Annotated[str, typer.Argument(help="Case:ID, Message:ID or Delivery:ID, as `suture show` names it.")],
    verb: Annotated[str, typer.Argument(help="release, repair, reject, retry, cancel, confirm, accept, …")],
    actor: Annotated[str, typer.Option(help="Who decides.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept for the auditor.")],
    journal: Annotated[str, JournalOption] = ".",
    network: Annotated[str, typer.Option(help="The network file; needed to read a message again.")] = "",
    content: Annotated[str, typer.Option("--with", metavar="FILE", help="The repaired bytes, for `repair`.")] = "",
) -> None:
    """Decide about an exception; the decision is journaled with actor, reason and the position it rests on.

    Examples:

      suture resolve Case:ID release --actor dock --reason mislabelled -j day

      suture resolve Delivery:ID repair --with new.json --actor ops --reason typo
    """
    kind, _, id = subject.partition(":")
    if kind not in ("Case", "Message", "Delivery") or not id:
        fail(f"{subject!r} takes no decision", "name Case:ID, Message:ID or Delivery:ID; `suture show ID` names what is open")
    declared = read_network(Path(network)) if network else Network(name="none")
    raw = Path(content).read_bytes() if content else b""
    opened, folder = existing_journal(journal)
    try:
        wiring = Wiring(opened, declared, privacy_key=load_or_create_key(folder / "privacy.key"))
        said = _decide(wiring, Ref(kind, id), verb, actor, reason, raw)
    except (NoSuchThing, Stale, ValueError) as error:
        fail(str(error), "look at it with `suture show` and decide again", 1)
    except KeyError as error:
        fail(f"it came from {error}, which is not in the network", "name the file that has it: --network network.toml")
    finally:
        opened.close()
    console.print(f"{said}; what follows happens while the network runs", soft_wrap=True, markup=False)


def _decide(wiring: Wiring, subject: Ref, verb: str, actor: str, reason: str, raw: bytes) -> str:
    known, now = wiring.journal.find(subject), SystemClock().now()
    position = known[-1].position if known else 0
    id = uuid.uuid4().hex
    decision = Decision(id=id, subject=subject, verb=verb, actor=actor, at=now, reason=reason, position=position)
    return command(wiring, decision, now, raw=raw)

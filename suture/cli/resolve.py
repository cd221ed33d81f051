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

      suture resolve Case:order_to_receipt/PO-7/wrong_lot release --actor dock-lead --reason "label misprinted" -j day

      suture resolve Message:ID repair --with fixed.x12 --actor ops --reason "bad count" -j suture.db --network network.toml
    """
    opened, folder = existing_journal(journal)
    kind, _, id = subject.partition(":")
    try:
        found = opened.find(Ref(kind, id))
        now = SystemClock().now()
        decision = Decision(
            id=uuid.uuid4().hex,
            subject=Ref(kind, id),
            verb=verb,
            actor=actor,
            at=now,
            reason=reason,
            position=found[-1].position if found else 0,
        )
        wired = Wiring(
            opened,
            read_network(Path(network)) if network else Network(name="none"),
            privacy_key=load_or_create_key(folder / "privacy.key"),
        )
        said = command(wired, decision, now, raw=Path(content).read_bytes() if content else b"")
    except (NoSuchThing, Stale, ValueError) as error:
        fail(str(error), "look at it with `suture show` and decide again")
    finally:
        opened.close()
    console.print(said)

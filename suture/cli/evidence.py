"""``suture evidence``: everything behind a payment or document as one file that an auditor can read and anybody can verify."""

from __future__ import annotations

import getpass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from suture.cli.output import JournalOption, JsonOption, console, counted, existing_journal, fail, write_json
from suture.gateway.evidence import Ambiguous, Evidence, Unknown, page
from suture.gateway.evidence import evidence as gather
from suture.gateway.identity.commands import decision, reasoned
from suture.journal import Fenced, Journal, Unavailable, Unit, load_or_create_signing_key
from suture.journal.seal import public_pem, seal
from suture.model import Ref
from suture.runtime.clock import SystemClock
from suture.runtime.network import read_network
from suture.views.whereabouts import near


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(evidence)


def evidence(
    id: Annotated[str, typer.Argument(help="A payment, invoice, order or requisition, or whatever leads to one.")],
    target: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Where to write; ID.html if left out.")] = "",
    journal: Annotated[str, JournalOption] = ".",
    network: Annotated[str, typer.Option(metavar="NETWORK.TOML", help="Whose journal it is, by name.")] = "",
    unmask: Annotated[
        str, typer.Option(metavar="PURPOSE", help="Show bank accounts and tax numbers too; the purpose is journaled.")
    ] = "",
    json: Annotated[str, JsonOption] = "",
) -> None:
    """Write the whole chain as one page: documents, approvals, policies, hashes of raw messages, acknowledgements, ledger proof.

    Seals the journal first with the seal.key beside it. Exit code 1 if something on the checklist is missing; the page says what.
    `python -m verifier_of_evidence FILE` checks it without this program.

    Examples:

      suture evidence PAY-ALDER:INV-31-1 -j day

      suture evidence PO-REQ-000017 -o order.html --unmask "audit 7, bank details of the payee" -j day
    """
    opened, folder = existing_journal(journal)
    now = SystemClock().now()
    try:
        if unmask:
            _journaled(opened, id, unmask, now)
        key = load_or_create_signing_key(folder / "seal.key") if (folder / "seal.key").is_file() else None
        if key is not None:
            _seal(opened, key, now)
        name = read_network(Path(network)).name if network else "suture"
        pack = gather(opened, id, name, now, public_pem(key) if key else b"", unmasked=bool(unmask))
    except Ambiguous as error:
        fail(str(error), "name one of them", 1)
    except Unknown as error:
        alike = ", ".join(near(opened, id))
        fail(str(error), f"known are {alike}" if alike else "try the number on the order or the invoice", 1)
    finally:
        opened.close()
    file = Path(target or f"{id.replace('/', '_').replace(':', '_')}.html")
    file.write_bytes(page(pack))
    if json:
        write_json(json, pack)
    if json != "-":
        _print(pack, file)
    raise typer.Exit(0 if pack.complete else 1)


def _journaled(journal: Journal, id: str, purpose: str, now: datetime) -> None:
    """That somebody asked to see what is shown to nobody, and why, stands in the journal before it is shown."""
    actor = getpass.getuser()
    try:
        said = decision(
            journal, Ref("Note", id), "unmask", actor=actor, reason=reasoned(actor, purpose), now=now, values={"evidence": id}
        )
    except ValueError as error:
        fail(str(error), "say what it is for: --unmask PURPOSE")
    journal.commit([Unit(events=[said])])


def _seal(journal: Journal, key: Ed25519PrivateKey, now: datetime) -> None:
    """Whoever else seals does it as well; what stays unsealed is told on the page."""
    try:
        while seal(journal, key, now):
            pass
    except (Fenced, Unavailable):
        return


def _print(pack: Evidence, file: Path) -> None:
    missing = [item for item in pack.checklist if item.state == "missing"]
    for item in missing:
        _line(f"missing: {item.name}: {item.text}")
    verdict = "complete" if pack.complete else f"not complete, {counted(len(missing), 'point')} missing"
    _line(f"{pack.subject}: {verdict}; {counted(len(pack.facts), 'fact')} in {file}")


def _line(text: str) -> None:
    console.print(text, soft_wrap=True, markup=False)

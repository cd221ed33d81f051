"""``suture reconcile``: does a counterpart really hold what was delivered to it?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from suture.cli import looping
from suture.cli.output import JsonOption, console, counted, existing_journal, fail, write_json
from suture.cli.tables import plain_table
from suture.journal import Fenced, Journal
from suture.journal.blobs import load_or_create_key
from suture.model import SuppliersCompared
from suture.runtime.clock import SystemClock
from suture.runtime.network import Instance, Network, read_network
from suture.runtime.reconcile import SETTLED, Report, reconcile
from suture.runtime.serving import BadAddress, link_to
from suture.runtime.wiring import Wiring

#: Differences that are listed one by one; --json has them all.
LISTED = 20
#: Suppliers that are named of one field.
NAMED = 5


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("reconcile")(compared)


def compared(
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help="The instance of the network file whose lists are compared.")],
    network: Annotated[str, typer.Option(metavar="NETWORK.TOML", help="The network file.")] = "network.toml",
    journal: Annotated[
        str, typer.Option("--journal", "-j", metavar="PATH|URL", help="Another journal than the file names.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done; change nothing.")] = False,
    json: Annotated[str, JsonOption] = "",
) -> None:
    """Compare what a counterpart lists (orders, receipts, invoices, payments) with what was delivered, and mend the difference.

    What is missing there goes again, and what it holds though we were in doubt is confirmed, as far as the policy
    "reconciliation" allows; the rest becomes an exception. A second run does nothing twice. It may run while `suture run` serves
    the same journal: commits that collide are made again, and what it queues is sent by the service.

    Exit code 1 if differences remain, or if a list could not be read to its end.

    Examples:

      suture reconcile erp --network network.toml --dry-run

      suture reconcile erp --network network.toml --json -
    """
    path = Path(network)
    declared = read_network(path)
    instance = declared.instance(system)
    if instance is None:
        known = ", ".join(each.name for each in declared.instances)
        fail(f"there is no instance {system!r} in {network}", f"it has {known or 'none'}")
    opened, folder = existing_journal(journal or _place(declared, path.parent))
    try:
        report = _reconciled(opened, folder, declared, instance, dry=dry_run)
    finally:
        opened.close()
    if json:
        write_json(json, {**msgspec.structs.asdict(report), "remaining": report.remaining})
    if json != "-":
        _show(report)
    raise typer.Exit(1 if report.remaining or report.unheard else 0)


def _place(network: Network, folder: Path) -> str:
    return network.journal if "://" in network.journal else str(folder / network.journal)


def _reconciled(opened: Journal, folder: Path, network: Network, instance: Instance, *, dry: bool) -> Report:
    clock = SystemClock()
    wiring = Wiring(opened, network, privacy_key=load_or_create_key(folder / "privacy.key"))
    if instance.system not in wiring.systems:
        fail(f"there is no system {instance.system!r}", "`suture check NETWORK.TOML` lists what is known")

    async def asked() -> Report:
        link = link_to(instance, wiring.system(instance), clock)
        try:
            return await reconcile(wiring, instance, link, clock.now, dry=dry)
        finally:
            await link.close()

    try:
        return looping.run(asked())
    except BadAddress as error:
        fail(str(error), "mend its address in the network file")
    except (LookupError, ValueError, OverflowError) as error:
        fail(str(error), 'nothing was changed; mend the network file or the policy "reconciliation"')
    except Fenced as error:
        fail(f"the journal moved on each time: {error}", "nothing was changed; run it again when it is less busy")


def _show(report: Report) -> None:
    if report.differences:
        console.print(_summary(report))
    for found in report.differences[:LISTED]:
        money = f", {found.money}" if found.money else ""
        done = _words(f"would be {found.done}" if report.dry and found.done not in ("open", "left") else found.done)
        console.print(f"{found.listing} {found.reference}: {_words(found.kind)}{money}: {done}", soft_wrap=True, markup=False)
    if len(report.differences) > LISTED:
        console.print(f"… and {len(report.differences) - LISTED:,} more; --json FILE has them all")
    for name, why in report.unheard.items():
        console.print(f"[red]{name} not compared[/red]: ", end="")
        console.print(why, soft_wrap=True, markup=False)
    if report.suppliers is not None:
        console.print(_of_suppliers(report.suppliers), soft_wrap=True, markup=False)
    console.print(_verdict(report), soft_wrap=True)


def _of_suppliers(fact: SuppliersCompared) -> str:
    """How many were compared, which fields differ at whom, and who is missing; what differs is an exception of the stewards."""
    otherwise = [
        f"{_words(each.field)} of {_named(each.differing, each.differences)}" for each in fact.fields if each.differences
    ]
    found = [f"otherwise there: {'; '.join(otherwise)}"] if otherwise else []
    if fact.missing:
        found.append(f"missing there: {_named(fact.missing, len(fact.missing))}")
    return f"{counted(fact.suppliers, 'supplier')} compared, {', '.join(found) or 'both sides agree'}"


def _named(suppliers: Sequence[str], number: int) -> str:
    return ", ".join(suppliers[:NAMED]) + (f" and {number - NAMED:,} more" if number > NAMED else "")


def _summary(report: Report) -> object:
    """Differences by class, and what became of them."""
    table = plain_table(
        f"{report.instance}: {sum(report.compared.values()):,} documents compared", "class", "found", "repaired", "open"
    )
    for kind in sorted({found.kind for found in report.differences}):
        alike = [found for found in report.differences if found.kind == kind]
        repaired = sum(found.done in ("resent", "confirmed") for found in alike)
        left = sum(found.done not in SETTLED for found in alike)
        table.add_row(_words(kind), f"{len(alike):,}", f"{repaired:,}", f"{left:,}")
    return table


def _verdict(report: Report) -> str:
    flight = f"{report.in_flight:,} in flight, not judged"
    ended = f", {counted(report.gone, 'exception')} ended" if report.gone else ""
    if report.dry:
        return f"{counted(len(report.differences), 'difference')}; {flight}; nothing was changed"
    if not report.differences:
        compared = sum(report.compared.values())
        return f"{report.instance}: {counted(compared, 'document')} compared, both sides agree; {flight}{ended}"
    return f"{counted(len(report.differences), 'difference')}, {report.remaining:,} remain; {flight}{ended}"


def _words(code: str) -> str:
    return code.replace("_", " ")

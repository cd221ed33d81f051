"""``suture access``: who may do what, the keys of partners, segregation of duties, and how long raw bytes are kept."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct, field

from suture.cli.output import JournalOption, JsonOption, console, counted, existing_journal, fail, write_json
from suture.cli.tables import plain_table
from suture.formats.scalars import decimal
from suture.gateway.access import ROLES, About, Access, BadAccess, Caller, read_access
from suture.gateway.identity import BadIdentity, Grant, api_keys, emergency, read_identity, segregation
from suture.gateway.identity.segregation import Way
from suture.gateway.operation import operations
from suture.gateway.trail import calls_of
from suture.journal import Journal
from suture.journal.blobs import BlobDamaged
from suture.journal.shelves import begin_shelves, load_keys
from suture.model import Finding, Money
from suture.runtime.clock import SystemClock
from suture.runtime.retention import shelves, shred


class Verb(StrEnum):
    """What can be asked or done."""

    POLICY = "policy"
    CHECK = "check"
    MAY = "may"
    KEYS = "keys"
    MAKE = "make"
    ROTATE = "rotate"
    REVOKE = "revoke"
    TAKE = "take"
    GIVE_BACK = "give-back"
    CALLS = "calls"
    SHELVES = "shelves"
    SHELVE = "shelve"
    SHRED = "shred"


class Asked(Struct, frozen=True, kw_only=True):
    """One call of the command: what it is about, in whose name, and where."""

    names: tuple[str, ...]
    folder: Path
    journal: str
    json: str
    actor: str
    reason: str
    now: datetime
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    supplier: str = ""
    instance: str = ""
    entity: str = ""
    amount: str = ""
    days: int = 365
    hours: float = 24.0
    overlap: float = 168.0
    access: Access = field(default_factory=Access)

    @property
    def name(self) -> str:
        """The first name; the command fails without one."""
        if not self.names:
            fail("this needs a name", "`suture access --help` shows each form")
        return self.names[0]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("access")(manage)


def manage(
    verb: Annotated[Verb, typer.Argument(help="What to ask or do.")] = Verb.POLICY,
    names: Annotated[list[str] | None, typer.Argument(help="A permission, a key, persons or a shelf.")] = None,
    folder: Annotated[str, typer.Option(help="Where access.toml and identity.toml lie.")] = ".",
    journal: Annotated[str, JournalOption] = ".",
    role: Annotated[list[str] | None, typer.Option(help="A role; may be said again.")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="A permission that narrows; may be said again.")] = None,
    supplier: Annotated[str, typer.Option(help="The partner whose own documents it is about.")] = "",
    instance: Annotated[str, typer.Option(help="The instance of the network in whose name a key hands over.")] = "",
    entity: Annotated[str, typer.Option(help="The legal entity that it is about.")] = "",
    amount: Annotated[str, typer.Option(metavar="'100.00 USD'", help="The amount that it is about.")] = "",
    days: Annotated[int, typer.Option(min=1, help="How long a key lives.")] = 365,
    hours: Annotated[float, typer.Option(min=0.01, help="Calls of so many hours up to now.")] = 24.0,
    overlap: Annotated[float, typer.Option(min=0.0, metavar="HOURS", help="How long the old key still works.")] = 168.0,
    actor: Annotated[str, typer.Option(help="Who says so; you by itself.")] = "",
    reason: Annotated[str, typer.Option(help="Why; it is kept for the auditor.")] = "",
    json: Annotated[str, JsonOption] = "",
) -> None:
    """Show the policy, check it, ask who may do what; make, rotate and revoke keys; end what is kept no longer.

    Every change is journaled with who and why. A key is shown once; nobody can read it again.

    Examples:

      suture access may payments.release --role clerk --amount "250.00 USD"

      suture access make acme --role supplier --supplier ACME --reason "new partner" -j day

      suture access take buyer --actor noor --role operator --reason "the order desk burns" -j day

      suture access calls key/alder --hours 48 -j day

      suture access shred patient-2024-01 --reason "yearly clearing" -j day
    """
    try:
        asked = Asked(
            names=tuple(names or ()),
            folder=Path(folder),
            journal=journal,
            json=json,
            actor=actor or getpass.getuser(),
            reason=reason,
            now=SystemClock().now(),
            roles=tuple(role or ()),
            scopes=tuple(scope or ()),
            supplier=supplier,
            instance=instance,
            entity=entity,
            amount=amount,
            days=days,
            hours=hours,
            overlap=overlap,
            access=read_access(Path(folder) / "access.toml"),
        )
        _ACTS[verb](asked)
    except (BadAccess, BadIdentity) as error:
        fail(str(error), "mend the file; docs/security.md knows its fields", 1)
    except (ValueError, LookupError, OverflowError, BlobDamaged) as error:
        fail(str(error).strip("'\""), "`suture access --help` shows each form", 1)


# -- what is so


def _policy(asked: Asked) -> None:
    access = asked.access
    rows = {role: sorted(access.grants((role,))) for role in {**ROLES, **access.roles}}
    if asked.json:
        write_json(asked.json, rows)
    if asked.json != "-":
        table = plain_table(f"Policy {access.version}", "Role", "grants")
        for role, granted in rows.items():
            table.add_row(role, ", ".join(granted))
        for column in table.columns:
            column.no_wrap, column.justify = False, "left"
        console.print(table)


def _check(asked: Asked) -> None:
    findings = findings_of(asked.folder, asked.access)
    wrong = sum(finding.severity == "error" for finding in findings)
    if asked.json:
        write_json(asked.json, findings)
    if asked.json != "-":
        for finding in findings:
            console.print(f"{finding.severity} {finding}", soft_wrap=True, markup=False)
        console.print(f"{counted(wrong, 'error')}, {counted(len(findings) - wrong, 'warning')}")
    raise typer.Exit(1 if wrong else 0)


def findings_of(folder: Path, access: Access) -> tuple[Finding, ...]:
    """By what one identity could hold duties that belong apart: roles, claims, machines and operations. Raises BadIdentity."""
    ways = (Way(each.name, each.permission, each.takes) for each in operations().values())
    return segregation.check(access, read_identity(folder / "identity.toml"), ways)


def _may(asked: Asked) -> None:
    amount, _, currency = asked.amount.partition(" ")
    money = Money(decimal(amount), currency) if asked.amount else None
    caller = Caller(subject=asked.actor, roles=asked.roles, scopes=asked.scopes, supplier=asked.supplier)
    about = About(supplier=asked.supplier, entity=asked.entity, amount=money)
    verdict = asked.access.allows(caller, asked.name, about)
    if asked.json:
        write_json(asked.json, verdict)
    if asked.json != "-":
        console.print("yes" if verdict else f"no: {verdict.reason}", soft_wrap=True, markup=False)
    raise typer.Exit(0 if verdict else 1)


# -- keys


def _keys(asked: Asked) -> None:
    opened, _ = existing_journal(asked.journal)
    known = api_keys.keys(opened)
    opened.close()
    if asked.json:
        shown = [
            {"id": key.id, "name": key.name, "ends": key.ends, "live": key.live(asked.now), "roles": key.grant.roles}
            for key in known
        ]
        write_json(asked.json, shown)
    if asked.json != "-":
        table = plain_table("API keys", "Key", "for", "roles", "until", "state")
        for key in known:
            state = "live" if key.live(asked.now) else "revoked" if key.revoked else "ended"
            table.add_row(key.id, key.name, " ".join(key.grant.roles), f"{key.ends:%Y-%m-%d}", state)
        console.print(table)


def _make(asked: Asked) -> None:
    grant = Grant(roles=asked.roles, scopes=asked.scopes, supplier=asked.supplier, instance=asked.instance)
    lives = timedelta(days=asked.days)
    who = {"actor": asked.actor, "reason": asked.reason}
    _once(asked, lambda journal: api_keys.make(journal, asked.access, asked.name, grant, now=asked.now, lives=lives, **who))


def _rotate(asked: Asked) -> None:
    overlap = timedelta(hours=asked.overlap)
    who = {"actor": asked.actor, "reason": asked.reason}
    _once(asked, lambda journal: api_keys.rotate(journal, asked.name, now=asked.now, overlap=overlap, **who))


def _once(asked: Asked, make: Callable[[Journal], str]) -> None:
    opened, _ = existing_journal(asked.journal)
    try:
        key = make(opened)
    finally:
        opened.close()
    if asked.json:
        write_json(asked.json, {"key": key})
    if asked.json != "-":
        console.print(key, soft_wrap=True, markup=False)
        console.print("hand it over now; nobody can read it again", style="dim")


def _revoke(asked: Asked) -> None:
    opened, _ = existing_journal(asked.journal)
    try:
        api_keys.revoke(opened, asked.name, actor=asked.actor, reason=asked.reason, now=asked.now)
    finally:
        opened.close()
    console.print(f"{asked.name} opens nothing any more: here at once, in processes that run within a second", markup=False)


def _take(asked: Asked) -> None:
    opened, _ = existing_journal(asked.journal)
    caller = Caller(subject=asked.actor, roles=asked.roles)
    try:
        taken = emergency.take(opened, asked.access, caller, asked.name, reason=asked.reason, now=asked.now)
    finally:
        opened.close()
    said = (
        f"{asked.actor} holds {taken.roles[0]} until {taken.until:%H:%M} UTC; an exception is open for somebody else to review it"
    )
    console.print(said, soft_wrap=True, markup=False)


def _give_back(asked: Asked) -> None:
    opened, _ = existing_journal(asked.journal)
    try:
        emergency.give_back(opened, asked.name, actor=asked.actor, reason=asked.reason, now=asked.now)
    finally:
        opened.close()
    console.print(f"{asked.name} holds no emergency rights any more", markup=False)


# -- the trail of calls


def _calls(asked: Asked) -> None:
    opened, _ = existing_journal(asked.journal)
    try:
        told = calls_of(opened, asked.now - timedelta(hours=asked.hours), asked.now)
        calls = [each for each in told if not asked.names or each.actor in asked.names]
    finally:
        opened.close()
    if asked.json:
        write_json(asked.json, calls)
    if asked.json != "-":
        table = plain_table("Calls answered", "At", "who", "operation", "about", "result")
        for each in calls:
            result = f"{each.status} {each.code}".strip()
            table.add_row(f"{each.at:%Y-%m-%d %H:%M:%S}", each.actor or "nobody", each.operation, each.object, result)
        console.print(table)


# -- what is kept


def _shelves(asked: Asked) -> None:
    opened, folder = existing_journal(asked.journal)
    try:
        known = shelves(opened, load_keys(folder), asked.now)
    finally:
        opened.close()
    if asked.json:
        write_json(asked.json, [{"name": each.name, "ends": each.ends, "over": each.over(asked.now)} for each in known])
    if asked.json != "-":
        table = plain_table("Raw bytes by class and month", "Shelf", "needed until", "")
        for each in known:
            table.add_row(each.name, f"{each.ends:%Y-%m-%d}", "may be shredded" if each.over(asked.now) else "")
        console.print(table)


def _shelve(asked: Asked) -> None:
    opened, folder = existing_journal(asked.journal)
    opened.close()
    keys = begin_shelves(folder)
    for name in asked.names:
        keys.make(name)
    console.print(
        "raw bytes are kept by class and month after the next start; keep blobs.keys as safely as blobs.key", markup=False
    )


def _shred(asked: Asked) -> None:
    opened, folder = existing_journal(asked.journal)
    try:
        shred(opened, load_keys(folder), asked.name, actor=asked.actor, reason=asked.reason, now=asked.now)
    finally:
        opened.close()
    console.print(f"{asked.name} is shredded, in every copy; copies of its key file have to go, too", markup=False)


_ACTS: Mapping[Verb, Callable[[Asked], None]] = {
    Verb.POLICY: _policy,
    Verb.CHECK: _check,
    Verb.MAY: _may,
    Verb.KEYS: _keys,
    Verb.MAKE: _make,
    Verb.ROTATE: _rotate,
    Verb.REVOKE: _revoke,
    Verb.TAKE: _take,
    Verb.GIVE_BACK: _give_back,
    Verb.CALLS: _calls,
    Verb.SHELVES: _shelves,
    Verb.SHELVE: _shelve,
    Verb.SHRED: _shred,
}

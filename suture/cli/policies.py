"""``suture policies``: the rules in force, who wrote and approved them, and every change of them."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import msgspec
import typer

from suture.cli.output import JournalOption, JsonOption, console, existing_journal, fail, write_json
from suture.cli.tables import plain_table
from suture.gateway.evidence import Unknown
from suture.gateway.evidence.gathering import resting_on
from suture.gateway.governance.enacting import (
    NotProposed,
    SamePerson,
    Standing,
    approve,
    proposals,
    propose,
    roll_back,
    standings,
)
from suture.gateway.governance.policies import versions
from suture.journal import Journal
from suture.journal.blobs import load_or_create_key
from suture.model import Policy
from suture.runtime.clock import SystemClock
from suture.runtime.network import Network
from suture.runtime.wiring import Wiring


class Verb(StrEnum):
    """What can be done about policies."""

    LIST = "list"
    SHOW = "show"
    PROPOSE = "propose"
    APPROVE = "approve"
    ROLLBACK = "rollback"
    APPLIED = "applied"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(policies)


def policies(
    verb: Annotated[Verb, typer.Argument(help="What to do.")] = Verb.LIST,
    name: Annotated[str, typer.Argument(help="Which policy; for applied any number of a document.")] = "",
    journal: Annotated[str, JournalOption] = ".",
    file: Annotated[str, typer.Option(metavar="FILE", help="The values to propose, as JSON; decimals are text.")] = "",
    version: Annotated[int, typer.Option(help="The version to approve, or to go back to; the one before by itself.")] = 0,
    effective: Annotated[str, typer.Option(metavar="TIME", help="From when on; now by itself.")] = "",
    actor: Annotated[str, typer.Option(help="Who says so; you by itself.")] = "",
    approver: Annotated[str, typer.Option(help="Who else approves a rollback.")] = "",
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    json: Annotated[str, JsonOption] = "",
) -> None:
    """List the policies in force, show one with its history, propose, approve or undo a version, or tell which applied.

    One person proposes and another approves; both stand in the journal with their reasons. What is approved is filed by the
    network that runs, and applies to decisions from its effective time on.

    Examples:

      suture policies -j day

      suture policies propose tolerances --file tolerances.json --reason "freight went up" -j day

      suture policies approve tolerances --version 2 --actor ben --reason "agreed on Monday" -j day

      suture policies rollback tolerances --approver ben --reason "too many matches by hand" -j day

      suture policies applied PO-REQ-000017 -j day
    """
    opened, folder = existing_journal(journal)
    now, who = SystemClock().now(), actor or getpass.getuser()
    if verb is not Verb.LIST and not name:
        fail(f"{verb.value} needs to know which", "name the policy, or the document")
    try:
        match verb:
            case Verb.LIST:
                _list(list(standings(opened, now)), json)
            case Verb.SHOW:
                _show(opened, name, json)
            case Verb.APPLIED:
                _applied(opened, name, json)
            case Verb.PROPOSE:
                begins = _moment(effective) if effective else now
                made = propose(opened, name, _values(file), author=who, reason=reason, now=now, effective=begins)
                _told(made, "waits for approval by another person", json)
            case Verb.APPROVE:
                wiring = Wiring(opened, Network(name="policies"), privacy_key=load_or_create_key(folder / "privacy.key"))
                chosen = version or max((each.version for each in proposals(opened, name)), default=0)
                _told(approve(wiring, name, chosen, approver=who, reason=reason, now=now), "is enacted", json)
            case Verb.ROLLBACK:
                wiring = Wiring(opened, Network(name="policies"), privacy_key=load_or_create_key(folder / "privacy.key"))
                back = roll_back(wiring, name, version, author=who, approver=approver, reason=reason, now=now)
                _told(back, "is enacted with the values of before", json)
    except (NotProposed, Unknown) as error:
        _refused(str(error), 1)
    except (SamePerson, ValueError) as error:
        _refused(str(error), 2)
    finally:
        opened.close()


def _refused(why: str, code: int) -> NoReturn:
    fail(why, "`suture policies` lists what there is; `suture policies --help` has examples", code)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _values(file: str) -> dict[str, Any]:
    if not file:
        raise ValueError("name the file that holds the values: --file FILE")
    try:
        values: dict[str, Any] = msgspec.json.decode(Path(file).read_bytes(), type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise ValueError(f"{file} is no JSON object: {error}") from None
    return values


def _told(policy: Policy, what: str, json: str) -> None:
    if json:
        write_json(json, policy)
        return
    _line(f"{policy.id} version {policy.version} {what}; effective {policy.effective:%Y-%m-%d %H:%M} UTC")


def _list(known: list[Standing], json: str) -> None:
    if json:
        write_json(json, known)
        return
    table = plain_table("Policies", "name", "in force", "since", "author", "approver", "later", "proposed")
    for each in known:
        later, proposed = (", ".join(map(str, numbers)) for numbers in (each.coming, each.proposed))
        since = f"{each.since:%d %b %Y}" if each.since else ""
        table.add_row(each.name, str(each.in_force or "none"), since, each.author, each.approver, later, proposed)
    console.print(table)


def _show(journal: Journal, name: str, json: str) -> None:
    known = [row.event.data for row in versions(journal, name)] + list(proposals(journal, name))
    if not known:
        raise NotProposed(f"there is no policy {name}")
    if json:
        write_json(json, known)
        return
    for each in known:
        assert isinstance(each, Policy)
        hands = f"by {each.author}, approved by {each.approver}" if each.author != each.approver else f"proposed by {each.author}"
        _line(f"{each.id} version {each.version}, effective {each.effective:%Y-%m-%d %H:%M} UTC, {hands}")
        _line(msgspec.json.format(msgspec.json.encode(each.values), indent=2).decode())


def _applied(journal: Journal, id: str, json: str) -> None:
    found = resting_on(journal, id)
    if json:
        write_json(json, found)
        return
    for each in found:
        places = ", ".join(map(str, each.decided[:10]))
        _line(f"{each.name} version {each.version}, by {each.author}, approved by {each.approver}: decisions {places}")
    if not found:
        _line("no decision about it looked at a policy")


def _line(text: str) -> None:
    console.print(text, soft_wrap=True, markup=False)

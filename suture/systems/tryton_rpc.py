"""Tryton's JSON-RPC as a conversation: log in, say the user's context with every call, judge each answer by its body.

Seen on Tryton 8.2: errors of the application are HTTP 200 with ``{"error": [type, ...]}``, and every call is its own
transaction, so that a call answered with an error has certainly changed nothing.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Generator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, field

from suture.systems.system import Again, Call, Outcome, Refused, Steps, Unsure
from suture.transports import Http, HttpReply, NoReply, NotSent, Reply, Request

T = TypeVar("T")
Talk = Generator[Request, Reply, T]
Row = Mapping[str, Any]

#: Rows of one answer; more under one of our keys than this is a fault, not data.
MOST_ROWS = 500
_OTHERS_SESSION = 'of "Session" that don\'t exist'
#: What a refusal repeats of Tryton's words.
_LONGEST_REASON = 300
#: Tryton slows failed logins down and then answers 429; it is left alone at least this long.
_BUSY_S = 60.0
#: Answers that speak of the wiring (login, rights, address), not of the document: it waits until that is mended.
_WIRING = {401: "does not accept our login", 403: "does not allow the call", 404: "has no such database", 405: "has no such path"}


class Ended(Exception):
    """The conversation can not go on; ``outcome`` is how it ends."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(type(outcome).__name__)
        self.outcome = outcome


def refused(reason: str) -> Ended:
    """The end of a conversation about something that Tryton can not take as it is."""
    return Ended(Refused(reason=reason[:_LONGEST_REASON]))


class Session(Struct, frozen=True, kw_only=True):
    """A session of the connector's user: where calls go, how they prove themselves, and the context they carry."""

    database: str
    authorization: str
    context: Mapping[str, Any]
    options: Mapping[str, str] = field(default_factory=dict)

    def within(self, company: int) -> Session:
        """The same session acting in one company."""
        return msgspec.structs.replace(self, context={**self.context, "company": company})

    def call(self, method: str, *params: Any, more: Mapping[str, Any] | None = None) -> Talk[Any]:
        """The result of a method; the context goes last. Raises Ended where Tryton says no, or not now."""
        context = {**self.context, **(more or {})}
        return (yield from _ask(self.database, method, [*params, context], {"authorization": self.authorization}))

    def rows(self, model: str, domain: list[Any], fields: list[str]) -> Talk[list[Row]]:
        """The records that fit, oldest first; raises Ended if there are more than anybody can have meant."""
        found = yield from self.call(f"model.{model}.search_read", domain, 0, MOST_ROWS, [["id", "ASC"]], fields)
        if len(found) == MOST_ROWS:
            raise Ended(Unsure(reason=f"Tryton has {MOST_ROWS} or more {model} that fit"))
        return list(found)

    def only(self, model: str, domain: list[Any], fields: list[str], what: str) -> Talk[Row]:
        """The one record that fits; raises Ended (refused) naming ``what`` is unknown to Tryton or known twice."""
        found = yield from self.rows(model, domain, fields)
        if len(found) != 1:
            raise refused(f"Tryton has {'no' if not found else 'more than one'} {what}")
        return found[0]

    def read(self, model: str, id: int, fields: list[str]) -> Talk[Row]:
        """One record as it stands now."""
        found = yield from self.call(f"model.{model}.read", [id], fields)
        row: Row = found[0]
        return row

    def create(self, model: str, values: Mapping[str, Any]) -> Talk[int]:
        """A new record; its id."""
        made = yield from self.call(f"model.{model}.create", [values])
        return int(made[0])

    def advance(self, model: str, id: int, path: Mapping[str, str], fields: list[str]) -> Talk[Row]:
        """Press the button that ``path`` names for the record's state until it names none; the record then.

        A button that is refused because somebody (a doubtful request of ours, perhaps) moved the record meanwhile is no
        failure: the state decides.
        """
        row = yield from self.read(model, id, ["state", *fields])
        for _ in range(len(path) + 1):
            button = path.get(row["state"])
            if button is None:
                break
            row = yield from self._pressed(model, id, button, row["state"], fields)
        return row

    def _pressed(self, model: str, id: int, button: str, before: str, fields: list[str]) -> Talk[Row]:
        said: Ended | None = None
        try:
            yield from self.call(f"model.{model}.{button}", [id])
        except Ended as end:
            said = end
        row = yield from self.read(model, id, ["state", *fields])
        if said is not None and row["state"] == before:
            raise said
        return row

    def wizard(self, name: str, model: str, ids: list[int], states: Mapping[str, Mapping[str, Any]]) -> Talk[None]:
        """Run a wizard on records: its own first state where that is a mere transition, then the given ones with their forms."""
        active = {"active_model": model, "active_ids": ids, "active_id": ids[0]}
        number, start, _ = yield from self.call(f"wizard.{name}.create", more=active)
        for state, form in (states or {start: {}}).items():
            yield from self.call(f"wizard.{name}.execute", number, form, state, more=active)
        yield from self.call(f"wizard.{name}.delete", number, more=active)


def converse(call: Call, work: Callable[[Session], Talk[Outcome]]) -> Steps:
    """Log in, do the work, log out; whatever ends it early is the outcome."""
    try:
        session = yield from _login(call)
    except Ended as end:
        return end.outcome
    try:
        outcome = yield from work(session)
    except Ended as end:
        outcome = end.outcome
    yield from _leave(session)
    return outcome


def _login(call: Call) -> Talk[Session]:
    """A fresh session: Tryton posts to the books only in one, and an expired one would end mid-work."""
    user, database = call.options.get("user", ""), call.options.get("database", "")
    said = yield from _ask(database, "common.db.login", [user, {"password": call.password()}, "en"], {})
    if not isinstance(said, list) or len(said) < 2:
        raise Ended(Again(reason="Tryton wants more than a password from our user"))
    token = base64.b64encode(f"{user}:{said[0]}:{said[1]}".encode()).decode()
    bare = Session(database=database, authorization=f"Session {token}", context={}, options=call.options)
    context = yield from bare.call("model.res.user.get_preferences", True)
    return msgspec.structs.replace(bare, context=context)


def _leave(session: Session) -> Talk[None]:
    """Log out, so that sessions do not pile up; nothing depends on it."""
    try:
        yield from _ask(session.database, "common.db.logout", [], {"authorization": session.authorization})
    except (Ended, NotSent, NoReply):
        return


def _ask(database: str, method: str, params: list[Any], headers: Mapping[str, str]) -> Talk[Any]:
    body = msgspec.json.encode({"id": 1, "method": method, "params": params})
    reply = yield Http(
        method="POST", path=f"/{database}/rpc/", body=body, headers={"content-type": "application/json", **headers}
    )
    assert isinstance(reply, HttpReply)
    if reply.status != 200:
        raise Ended(_by_status(reply))
    try:
        said = reply.json()
    except msgspec.DecodeError:
        raise Ended(Unsure(reason=f"{method}: the answer is not JSON")) from None
    if isinstance(said, dict) and said.get("error"):
        raise Ended(_by_error(said["error"]))
    return said.get("result") if isinstance(said, dict) else said


def _by_status(reply: HttpReply) -> Outcome:
    if reply.status == 429:
        wish = reply.headers.get("retry-after", "")
        return Again(reason="Tryton answers 429 to our login", after_s=float(wish) if wish.isdigit() else _BUSY_S)
    if reply.status in _WIRING:
        return Again(reason=f"Tryton {_WIRING[reply.status]} (HTTP {reply.status})")
    return Unsure(reason=f"HTTP {reply.status}")


def _by_error(error: Any) -> Outcome:
    """UserError and UserWarning are for people; anything else (a lock, a lost race) was rolled back and may pass later.

    One UserError is such a race, too: Tryton on SQLite checks a login against all sessions of the user and stumbles over one
    that ended meanwhile.
    """
    kind, said = (*error, "")[:2] if isinstance(error, list) and error else ("", "")
    words = [str(word) for word in said] if isinstance(said, list) and said else [str(said or "")]
    if kind == "UserError" and _OTHERS_SESSION not in words[0]:
        return Refused(reason=words[0][:_LONGEST_REASON])
    if kind == "UserWarning":
        return Refused(reason=f"Tryton warns, and a person must decide: {words[min(1, len(words) - 1)]}"[:_LONGEST_REASON])
    return Again(reason=f"Tryton failed: {f'{kind} {words[0]}'.strip() or 'without a word'}"[:_LONGEST_REASON])


# -- values


def exact(number: Decimal) -> dict[str, str]:
    """A Decimal as Tryton's JSON tags it."""
    return {"__class__": "Decimal", "decimal": f"{number:f}"}


def day(value: date) -> dict[str, Any]:
    """A date as Tryton's JSON tags it."""
    return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}


def decimal(value: Any) -> Decimal:
    """The number in an answer, tagged or plain."""
    return Decimal(value["decimal"] if isinstance(value, Mapping) else str(value))


def measure(number: Decimal) -> float:
    """A quantity as Tryton keeps it, in binary floating point; raises Ended if that would change it."""
    as_float = float(number)
    if Decimal(repr(as_float)) != number:
        raise refused(f"Tryton can not hold the quantity {number:f} exactly")
    return as_float


# -- what documents name by code


def party(session: Session, code: str) -> Talk[Row]:
    """A supplier by its code, with its address, terms and payable account."""
    fields = ["addresses", "supplier_payment_term", "account_payable", "supplier_location"]
    return (yield from session.only("party.party", [["code", "=", code]], fields, f"party with code {code}"))


def product(session: Session, code: str) -> Talk[Row]:
    """An item by its product code."""
    fields = ["default_uom", "account_category"]
    return (yield from session.only("product.product", [["code", "=", code]], fields, f"product with code {code}"))


def unit(session: Session, code: str) -> Talk[int]:
    """A unit by its UN/ECE code: the option ``unit.CODE`` names Tryton's symbol, else the code is the symbol."""
    symbol = session.options.get(f"unit.{code}", code)
    row = yield from session.only("product.uom", [["symbol", "=", symbol]], ["id"], f"unit with symbol {symbol}")
    return int(row["id"])


def currency(session: Session, code: str) -> Talk[int]:
    """A currency by its ISO 4217 code."""
    row = yield from session.only("currency.currency", [["code", "=", code]], ["id"], f"currency {code}")
    return int(row["id"])


def company(session: Session, entity: str) -> Talk[Row]:
    """The company of an entity, by its party's code: the option ``company.ENTITY``, else the entity is the code."""
    code = session.options.get(f"company.{entity}", entity)
    return (yield from session.only("company.company", [["party.code", "=", code]], ["currency"], f"company with code {code}"))


def account(session: Session, code: str) -> Talk[int]:
    """A ledger account of the session's company by its code."""
    domain = [["code", "=", code], ["company", "=", session.context["company"]]]
    row = yield from session.only("account.account", domain, ["id"], f"account {code}")
    return int(row["id"])

"""Business: what is stuck between need and payment, by theme, facility, supplier and stage; every open exception in one place."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from suture.console.page import Ask, Page
from suture.console.pages.kpis import Narrowing, narrowing_of
from suture.console.queue import open_ones
from suture.model import Case, Money
from suture.views.exceptions import OpenException, at_stake

#: Exceptions of one theme that are shown.
ROWS = 30
#: The themes, in the order in which a case is given to the first that fits: title, what it tells, reasons, stages.
THEMES: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("Delayed approvals", "a question that nobody with authority has answered", ("approval_overdue", "release_overdue"), ()),
    (
        "Unmatched invoices",
        "billed otherwise than ordered or received",
        ("match_exception", "match_lost", "unmatched_remittance"),
        (),
    ),
    ("Delayed receipts", "ordered, and not answered, shipped or received in time", ("receipt_overdue", "shipment_overdue"), ()),
    ("Payment exceptions", "sent to the bank and not settled", ("payment_returned", "payment_unknown"), ("paying",)),
    ("Stuck invoices", "taken in and not posted", ("invoice_overdue", "duplicate_invoice"), ("invoicing",)),
    ("Clinical to financial gaps", "used on a patient and not on the shelf or in the books", ("unknown_usage",), ("clinical",)),
    (
        "Orders in question",
        "answered or received otherwise than ordered",
        ("line_rejected",),
        ("ordering", "receiving"),
    ),
    ("Supplier and master data", "codes, items or suppliers that do not agree", ("unknown_code", "unmapped"), ("masters",)),
)
OTHERS = ("Everything else", "whatever else waits for a person")


class Stuck(Struct, frozen=True, kw_only=True):
    """One open exception, and whose it is."""

    id: str
    reason: str
    text: str
    owner: str
    since: datetime
    money: Money | None
    facility: str
    supplier: str
    stage: str


class Theme(Struct, frozen=True, kw_only=True):
    """What is stuck: how many, what they put at stake in each currency, since when, and how many at each facility."""

    name: str
    text: str
    count: int
    money: tuple[Money, ...]
    oldest: datetime | None
    facilities: dict[str, int]


class Business(Struct, frozen=True, kw_only=True):
    """Every theme, and the exceptions of one; ``count`` is the sum over the themes, and over the facilities."""

    count: int
    themes: tuple[Theme, ...]
    facilities: tuple[str, ...]
    theme: str
    rows: tuple[Stuck, ...]
    narrowing: Narrowing


def load(ask: Ask) -> Business:
    """Query: ``theme``; ``facility``, ``supplier``, ``stage``."""
    with ask.figures() as kept:
        narrowing, narrowed = narrowing_of(ask, kept.measures)
        query = "select subject, facility, supplier, stage from measures where kpi = 'exception_resolution' and at is null"
        whose = {subject: (facility, supplier, stage) for subject, facility, supplier, stage in kept.measures.rows(query)}
    open_cases = [(row, whose.get(row.case.id, ("", "", ""))) for row in open_ones(ask)]
    parts = (narrowed.facility, narrowed.supplier, narrowed.stage)
    kept_ones = [(row, of) for row, of in open_cases if all(part in (None, value) for part, value in zip(parts, of, strict=True))]
    by_theme: dict[str, list[tuple[OpenException, tuple[str, str, str]]]] = {}
    for row, of in kept_ones:
        by_theme.setdefault(theme_of(row.case, of[2]), []).append((row, of))
    texts = [(name, text) for name, text, _, _ in THEMES] + [OTHERS]
    theme = ask.query.get("theme", "")
    return Business(
        count=len(kept_ones),
        themes=tuple(_theme(name, text, by_theme.get(name, [])) for name, text in texts),
        facilities=tuple(sorted({of[0] for _, of in kept_ones})),
        theme=theme if theme in by_theme else "",
        rows=tuple(_stuck(row.case, of) for row, of in by_theme.get(theme, [])[:ROWS]),
        narrowing=narrowing,
    )


def theme_of(case: Case, stage: str) -> str:
    """The theme to which an exception belongs: by its reason, else by its stage."""
    by_reason = next((name for name, _, reasons, _ in THEMES if case.reason in reasons), "")
    return by_reason or next((name for name, _, _, stages in THEMES if stage in stages), OTHERS[0])


def _theme(name: str, text: str, found: list[tuple[OpenException, tuple[str, str, str]]]) -> Theme:
    facilities: dict[str, int] = {}
    for _, (facility, _, _) in found:
        facilities[facility] = facilities.get(facility, 0) + 1
    rows = [row for row, _ in found]
    oldest = min((row.case.at for row in rows), default=None)
    return Theme(name=name, text=text, count=len(rows), money=at_stake(rows), oldest=oldest, facilities=facilities)


def _stuck(case: Case, of: tuple[str, str, str]) -> Stuck:
    facility, supplier, stage = of
    return Stuck(
        id=case.id,
        reason=case.reason,
        text=case.text,
        owner=case.owner,
        since=case.at,
        money=case.money,
        facility=facility,
        supplier=supplier,
        stage=stage,
    )


PAGE = Page(
    path="/business",
    title="Business",
    allow="kpis.read",
    section="Run",
    rank=45,
    load=load,
    template="business.html",
    ranged=True,
)

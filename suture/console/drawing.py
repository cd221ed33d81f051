"""How pages are drawn: the templates, and how figures, times and codes are written in them."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from suture.console import authority, charts, over_time
from suture.model import Money
from suture.views.impact import CURRENCY

_UNITS = ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "min"))

#: Letters of an identifier that is shown in whole.
ID_LETTERS = 40


def words(code: str) -> str:
    """A code as people say it: ``receipt_overdue`` is "receipt overdue"."""
    return code.replace("_", " ")


def money(amount: Money | None) -> str:
    """An amount with its currency; a dash where nothing is known."""
    return f"{amount.amount:,.2f} {amount.currency}" if amount else "–"


def when(at: datetime | None) -> Markup:
    """A moment to the minute, its zone for whoever points at it; a dash where there is none."""
    if at is None:
        return Markup("–")
    written = '<time datetime="{0:%Y-%m-%dT%H:%M:%SZ}" title="{0:%H:%M:%S} UTC, {0:%A}">{0:%Y-%m-%d %H:%M}</time>'
    return Markup(written).format(at)


def day(at: datetime | None) -> str:
    """A moment as its day; a dash where there is none."""
    return f"{at:%Y-%m-%d}" if at else "–"


def many(number: int, thing: str) -> str:
    """A number and what it counts: "1 question", "2 questions"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def short(id: str) -> str:
    """An identifier that is too long for its place without its middle."""
    return id if len(id) <= ID_LETTERS else f"{id[:20]}…{id[-14:]}"


def span(length: timedelta) -> str:
    """A length of time in its largest unit: "3 d", "5 h", "12 min", "<1 min"."""
    for unit, name in _UNITS:
        if abs(length) >= unit:
            return f"{abs(length) // unit:,} {name}"
    return "<1 min"


def to(path: str, **query: object) -> str:
    """An address with a query; parts that say nothing are left out."""
    said = {name: value for name, value in query.items() if value not in ("", None, 0)}
    return f"{path}?{urlencode(said)}" if said else path


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("suture.console"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "words": words,
        "money": money,
        "when": when,
        "span": span,
        "n": "{:,}".format,
        "n2": "{:,.2f}".format,
        "day": day,
        "many": many,
        "short": short,
        "by_day": over_time.by_day,
    }
    environment.globals |= {"to": to, "charts": charts, "over_time": over_time, "authority": authority, "currency": CURRENCY}
    return environment


_ENVIRONMENT = _environment()


def rendered(template: str, **context: Any) -> str:
    """A page of HTML; raises jinja2.UndefinedError where a template asks for what is not there."""
    return _ENVIRONMENT.get_template(template).render(**context)


def draw(template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """A page of HTML as an answer."""
    return HTMLResponse(rendered(template, **context), status)


def fresh(csrf: str, address: str, position: int, form: str) -> str:
    """The id of whatever this form decides: the same form sent twice decides once, and what was decided moves the position on."""
    return hashlib.blake2b(f"{csrf}/{address}/{position}/{form}".encode(), digest_size=16).hexdigest()

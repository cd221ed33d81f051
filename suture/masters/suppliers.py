"""What a supplier is, field by field, so that systems can be compared, and by what two entries are known to be one supplier."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from suture.model import FieldCompared, Supplier

#: Differing suppliers that are named of one field, and missing ones.
NAMED_MOST = 1000
#: Words that say in which form a company is run, not which it is.
LEGAL_FORMS = frozenset(
    {
        *("ab", "ag", "as", "bv", "co", "company", "corp", "corporation", "gmbh", "inc", "incorporated", "kg", "limited"),
        *("llc", "llp", "ltd", "nv", "oy", "plc", "sa", "sarl", "sas", "spa", "srl"),
    }
)
_NOISE = re.compile(r"[\W_]+")


def told(supplier: Supplier) -> dict[str, str]:
    """Every field that is compared, in words that are equal when the field is; the values stay in memory."""
    account = supplier.account
    return {
        "name": plain_name(supplier.name),
        "status": supplier.status,
        "currency": supplier.currency,
        "terms": str(supplier.terms_days),
        "tax_id": plain(supplier.tax_id),
        "account": plain_account(account.routing, account.number) if account else "",
    }


def plain_name(name: str) -> str:
    """A name but for case and blanks."""
    return " ".join(name.casefold().split())


def plain(number: str) -> str:
    """A number but for case and punctuation."""
    return _NOISE.sub("", number).casefold()


def plain_account(routing: str, number: str) -> str:
    """A bank account but for punctuation; "" where there is none."""
    return f"{plain(routing)}/{plain(number)}" if plain(number) else ""


def compared(ours: Mapping[str, Supplier], theirs: Mapping[str, Mapping[str, str]]) -> tuple[FieldCompared, ...]:
    """How each field stands at the suppliers that both sides know, by our number; what a side does not tell is not compared,
    nor what is blank on both."""
    differing: dict[str, list[str]] = {}
    for id in sorted(ours.keys() & theirs.keys()):
        for field, value in told(ours[id]).items():
            if field in theirs[id] and (value or theirs[id][field]):
                differing.setdefault(field, []).append("" if theirs[id][field] == value else id)
    return tuple(_field(field, ids) for field, ids in sorted(differing.items()))


def _field(field: str, ids: Sequence[str]) -> FieldCompared:
    named = [id for id in ids if id]
    return FieldCompared(field=field, compared=len(ids), differing=tuple(named[:NAMED_MOST]), differences=len(named))


def marks(supplier: Supplier, keyed: Callable[[str], str]) -> Iterator[str]:
    """By what a supplier is recognised: its tax number, its bank account, its name but for the legal form; ``keyed`` makes
    digests of them, since there are few enough tax numbers and accounts to try them all."""
    said = told(supplier)
    words = [word for word in _NOISE.sub(" ", supplier.name.casefold()).split() if word not in LEGAL_FORMS]
    for kind, value in (("tax", said["tax_id"]), ("account", said["account"]), ("name", " ".join(words))):
        if value:
            yield f"{kind} {keyed(f'{kind} {value}')}"

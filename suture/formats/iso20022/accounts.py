"""Accounts and the banks that keep them: IBAN or national number, BIC or clearing member."""

from __future__ import annotations

import re

from suture.formats.format import Profile, Unwritable
from suture.formats.iso20022.elements import Element, add, child, text

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
_MEMBER = re.compile(r"(?:([A-Z]{5}):)?([A-Za-z0-9]{1,35})")
_OTHER = re.compile(r"[A-Za-z0-9/\-?:().,'+]{1,34}")
#: First two digits of routing numbers in use (Federal Reserve districts, thrifts, electronic, traveller's cheques).
_ABA_PREFIXES = frozenset([*range(13), *range(21, 33), *range(61, 73), 80])


def iban_holds(number: str) -> bool:
    """Whether the text is an IBAN whose check digits hold (ISO 13616, MOD 97-10)."""
    if not _IBAN.fullmatch(number):
        return False
    digits = "".join(str(int(sign, 36)) for sign in number[4:] + number[:4])
    return int(digits) % 97 == 1


def aba_holds(number: str) -> bool:
    """Whether the text is a routing number with a known prefix and a check digit that holds (ABA, weights 3 7 1)."""
    if len(number) != 9 or not number.isascii() or not number.isdigit() or not number.strip("0"):
        return False
    weighted = sum(int(digit) * weight for digit, weight in zip(number, (3, 7, 1) * 3, strict=True))
    return weighted % 10 == 0 and int(number[:2]) in _ABA_PREFIXES


def add_account(parent: Element, name: str, number: str, routing: str) -> None:
    """The account under ``name``; raises Unwritable, never quoting it, if it can be no account at that bank."""
    compact = "".join(number.split()).upper()
    if iban_holds(compact):
        add(parent, f"{name}/Id/IBAN", compact)
    elif not routing or _BIC.fullmatch(routing):
        raise Unwritable(f"{name}: neither an IBAN whose check digits hold nor an account with a routing number")
    elif not _OTHER.fullmatch(number):
        raise Unwritable(f"{name}: an account number has 1 to 34 letters, digits and signs")
    else:
        add(parent, f"{name}/Id/Othr/Id", number)


def add_agent(parent: Element, name: str, routing: str, profile: Profile, modern: bool) -> None:
    """The bank under ``name``: a BIC, else a member of the clearing system (option ``clearing_system``, else USABA).

    ``GBDSC:200000`` names the clearing system itself. Raises Unwritable for a routing number that cannot exist.
    """
    bank = add(parent, f"{name}/FinInstnId")
    if _BIC.fullmatch(routing):
        add(bank, "BICFI" if modern else "BIC", routing)
        return
    member = _MEMBER.fullmatch(routing)
    if member is None:
        raise Unwritable(f"{name}: neither a BIC nor a clearing member id")
    system = member[1] or profile.options.get("clearing_system", "USABA")
    if system == "USABA" and not aba_holds(member[2]):
        raise Unwritable(f"{name}: no such routing number (ABA prefix and check digit)")
    clearing = add(bank, "ClrSysMmbId")
    add(clearing, "ClrSysId/Cd", system)
    add(clearing, "MmbId", member[2])


def account_number(account: Element | None) -> str:
    """IBAN or other number of a CashAccount, "" if it has none."""
    return text(account, "Id/IBAN", "Id/Othr/Id", "Id/PrtryAcct/Id", "Id/BBAN")


def routing_of(agent: Element | None, profile: Profile) -> str:
    """BIC or clearing member of an agent, as ``add_agent`` takes it; "" if it has neither."""
    bank = child(agent, "FinInstnId")
    bic = text(bank, "BICFI", "BIC", "CmbndId/BIC")
    if bic:
        return bic
    member, system = text(bank, "ClrSysMmbId/MmbId", "ClrSysMmbId/Id"), text(bank, "ClrSysMmbId/ClrSysId/Cd")
    default = profile.options.get("clearing_system", "USABA")
    return f"{system}:{member}" if member and system not in ("", default) else member

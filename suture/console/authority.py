"""What a decision takes: the permission for each verb on each kind of exception, and what it does, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from suture.console.page import Ask
from suture.gateway import ANYTHING, About, Verdict
from suture.model import Case, Money

#: To look at it no longer, or later, or to have somebody else look, takes no more than to decide.
DECIDE = "exceptions.decide"
#: Verbs that let money go; to stop it takes no authority.
LETS_GO = ("accept", "retry", "release")

#: The verbs as people say them, in the order of their violence, and what each does.
VERBS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "retry": ("Retry", "the same thing is tried again"),
        "resend": ("Send again", "the counterpart is owed it once more"),
        "release": ("Release", "it goes on as it is, under today's codes; whoever can be asked is asked first"),
        "repair": ("Repair and resend", "the mended content takes its place and goes on"),
        "route": ("Route elsewhere", "another system of the same role is owed it instead"),
        "confirm": ("Confirm", "the counterpart has it; nothing is sent"),
        "reviewed": ("Reviewed", "somebody has looked, and nothing else follows"),
        "accept": ("Accept", "it stands as it is, against the rule; the reason is kept with it"),
        "close": ("Close", "it ends with what has come; nothing more is waited for"),
        "cancel": ("Give up and compensate", "it is not carried; what hangs on it is taken back"),
        "reject": ("Reject", "it is refused for good; what it held is free again"),
    }
)


def needed(case: Case, verb: str) -> str:
    """The permission that a verb on this exception takes."""
    kind = next((ref.type for ref in case.objects if ref.type != "Delivery"), "")
    if verb in LETS_GO and kind in ("Payment", "PaymentInstruction"):
        return "payments.release"
    if verb == "accept" and kind in ("Invoice", "CreditNote"):
        return "invoices.approve"
    return DECIDE


def about(case: Case) -> About:
    """What the caller's own bounds are checked against: money only where it is let go."""
    return About(amount=Money(abs(case.money.amount), case.money.currency) if case.money else None)


def may(ask: Ask, case: Case, verb: str) -> Verdict:
    """Whether who asks may do this, and if not, why."""
    return ask.may(needed(case, verb), about(case) if verb in LETS_GO else ANYTHING)


def mildest_first(verbs: Iterable[str]) -> list[str]:
    """Verbs in the order of their violence; those that only a process knows stand last."""
    order = {verb: number for number, verb in enumerate(VERBS)}
    return sorted(verbs, key=lambda verb: order.get(verb, len(order)))


def named(verb: str) -> str:
    """A verb as it stands on its button."""
    return VERBS[verb][0] if verb in VERBS else verb.replace("_", " ").capitalize()


def does(verb: str) -> str:
    """What a verb does, in words; "" where only its process knows."""
    return VERBS[verb][1] if verb in VERBS else ""

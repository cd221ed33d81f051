"""What is judged once on an invoice as a whole: its arithmetic, charges, tax, entity, and the verdict over all its orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from suture.model import Invoice, MatchResult, Money
from suture.model.quantities import minor_unit
from suture.rules.matching import RANK, Outcome
from suture.rules.tolerances import Tolerances


class Verdict(Struct, frozen=True, kw_only=True):
    """Where an invoice stands against all its orders and itself, with every reason and the money beyond what may be billed."""

    outcome: Outcome
    reasons: tuple[str, ...] = ()
    variance: Money | None = None


def verdict(invoice: Invoice, results: Sequence[MatchResult], limits: Tolerances) -> Verdict:
    """The worst of the invoice's orders and of its own totals; an order that has not answered yet keeps it waiting."""
    answered = {result.order: result for result in results}
    mine = [answered[order] for order in invoice.orders() if order in answered]
    own = _objections(invoice, mine, limits)
    outcomes: list[Outcome] = [result.outcome for result in mine]
    awaited = len(mine) < len(invoice.orders())
    if awaited:
        outcomes.append("waiting")
    if own:
        outcomes.append("exception")
    told = [reason for result in mine for line in result.lines for reason in line.reasons]
    return Verdict(
        outcome=max(outcomes, key=RANK.__getitem__, default="matched"),
        reasons=tuple(dict.fromkeys([*own, *told, *(["match_awaited"] if awaited else [])])),
        variance=_variance(invoice, mine),
    )


def _objections(invoice: Invoice, results: Sequence[MatchResult], limits: Tolerances) -> list[str]:
    found = [] if invoice.orders() else ["no_order"]
    if invoice.orders() and any(not line.order for line in invoice.lines):
        found.append("line_without_order")
    if len({entity for entity in (invoice.entity, *(result.entity for result in results)) if entity}) > 1:
        found.append("entity_differs")
    found += judge_totals(invoice, limits)
    if all(result.outcome == "matched" for result in results) and _too_much(invoice, results, limits):
        found.append("variance_over")
    return found


def _too_much(invoice: Invoice, results: Sequence[MatchResult], limits: Tolerances) -> bool:
    cap = limits.variance_amount.get(invoice.currency)
    variance = _variance(invoice, results)
    return cap is not None and variance is not None and variance.amount > cap


def _variance(invoice: Invoice, results: Sequence[MatchResult]) -> Money | None:
    total = Money(Decimal(0), invoice.currency)
    for result in results:
        if result.variance is not None and result.variance.currency == invoice.currency:
            total = total + result.variance
    return total if total.amount else None


def judge_totals(invoice: Invoice, limits: Tolerances) -> tuple[str, ...]:
    """What is wrong with the amounts of an invoice or credit note as such: currency, arithmetic, freight_over, tax_differs."""
    if any(money.currency != invoice.currency for money in _amounts(invoice)):
        return ("currency",)
    found = []
    if not adds_up(invoice, limits.total_amount):
        found.append("arithmetic")
    charges = sum((charge.amount.amount for charge in invoice.charges if charge.amount.amount > 0), Decimal(0))
    if charges > limits.freight.get(invoice.currency, Decimal(0)):
        found.append("freight_over")
    tax = invoice.tax.amount if invoice.tax else Decimal(0)
    if tax < 0 or tax > (_taxable(invoice) * limits.tax_percent / 100 + minor_unit(invoice.currency)):
        found.append("tax_differs")
    return tuple(found)


def adds_up(invoice: Invoice, slack: Mapping[str, Decimal] | None = None) -> bool:
    """Whether lines, charges and tax come to the total, and the total is in whole minor units."""
    parts = _taxable(invoice) + (invoice.tax.amount if invoice.tax else Decimal(0))
    missing = abs(parts - invoice.total.amount)
    exact = invoice.total.amount >= 0 and invoice.total.rounded().amount == invoice.total.amount
    return exact and missing <= (slack or {}).get(invoice.currency, Decimal(0))


def nets(note: Invoice) -> bool:
    """Whether a credit note lowers what is owed by at least what its lines take back: it adds up, and no fee is kept back."""
    sound = all(money.currency == note.currency and money.amount >= 0 for money in _amounts(note))
    return sound and adds_up(note)


def _taxable(invoice: Invoice) -> Decimal:
    lines = sum((line.amount.amount for line in invoice.lines), Decimal(0))
    return lines + sum((charge.amount.amount for charge in invoice.charges), Decimal(0))


def _amounts(invoice: Invoice) -> list[Money]:
    own = [invoice.total, *([invoice.tax] if invoice.tax else [])]
    return [*own, *(charge.amount for charge in invoice.charges), *(line.amount for line in invoice.lines)]

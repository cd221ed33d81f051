"""What a clerk reads beside an invoice's exception: order, receipts, contract price, variance and history, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from suture.model import ContractPrice, Invoice, InvoiceLine, MatchedLine, MatchResult, Money

#: Lines that a dossier shows; the rest is counted.
LINES_SHOWN = 20


def dossier(
    invoice: Invoice, results: Sequence[MatchResult], prices: Iterable[ContractPrice], history: Sequence[str]
) -> dict[str, str]:
    """The context of an exception: whole invoice, orders, each line that differs with its facts, policy, history."""
    contracts = tuple(prices)
    lines = {line.number: line for line in invoice.lines}
    differing = [(result, answer) for result in results for answer in result.lines if answer.reasons and answer.number in lines]
    shown = {
        f"line {answer.number}": _line(
            lines[answer.number], answer, result.order, _contract(lines[answer.number], invoice, contracts)
        )
        for result, answer in differing[:LINES_SHOWN]
    }
    rest = {"further lines": str(len(differing) - LINES_SHOWN)} if len(differing) > LINES_SHOWN else {}
    told = {
        "invoice": f"{invoice.number} of {invoice.issued_on}, {invoice.total}, by {invoice.route}",
        "orders": ", ".join(invoice.orders()),
        "charges": ", ".join(f"{charge.kind} {charge.amount}" for charge in invoice.charges),
        "tax": str(invoice.tax or ""),
        **shown,
        **rest,
        "policy": ", ".join(dict.fromkeys(result.policy for result in results if result.policy)),
        "history": "; ".join(history),
    }
    return {name: text for name, text in told.items() if text}


def _line(line: InvoiceLine, answer: MatchedLine, order: str, contract: ContractPrice | None) -> str:
    return ", ".join(
        part
        for part in (
            f"{line.item} on {order}/{answer.order_line}",
            f"ordered {answer.ordered}" if answer.ordered else "",
            f"received {answer.received}" if answer.received else "",
            f"invoiced before {answer.before}" if answer.before and answer.before.value else "",
            f"invoiced {line.quantity} at {line.price}",
            f"order price {answer.price}" if answer.price else "",
            f"contract {contract.contract} {contract.price}" if contract else "",
            f"variance {answer.variance}" if answer.variance else "",
            " ".join(answer.reasons),
        )
        if part
    )


def _contract(line: InvoiceLine, invoice: Invoice, prices: Iterable[ContractPrice]) -> ContractPrice | None:
    """The group's price on the invoice's day, else any facility's."""
    holding = [price for price in prices if price.item == line.item and price.applies(invoice.issued_on, price.facility)]
    return min(holding, key=lambda price: (price.facility, price.id), default=None)


def at_stake(invoice: Invoice, variance: Money | None) -> Money:
    """The money of an exception: what is beyond the tolerance where that is known, else all of it."""
    return abs(variance) if variance and variance.amount else invoice.total

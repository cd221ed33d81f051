"""The reasons for which an invoice does not simply match: their codes, whose they are, and what one can do."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct


class Reason(Struct, frozen=True):
    """One reason: its code, who looks at it (a Case's owner), what it means, and what to do."""

    code: str
    owner: str
    text: str
    advice: str


_ALL = (
    Reason("price_over", "buyer", "billed above the order's price", "confirm the price with the contract, or ask for a credit"),
    Reason("price_under", "buyer", "billed below the order's price", "check whether the contract price has changed"),
    Reason("not_received", "supply_chain", "nothing has been received yet", "ask the dock whether the goods are there"),
    Reason("quantity_over_received", "supply_chain", "billed more than was received", "find the receipt or ask for a credit"),
    Reason("quantity_over_ordered", "supply_chain", "billed more than was ordered", "ask for a credit, or change the order"),
    Reason("receipt_reversed", "supply_chain", "a receipt it matched was reversed", "post the right receipt or ask for a credit"),
    Reason("order_cancelled", "supply_chain", "the order was cancelled", "reject it, or confirm what was delivered before"),
    Reason("order_unknown", "ap", "the order is not known", "check the order number with the supplier"),
    Reason("line_unknown", "ap", "the order has no such line", "check the line number with the supplier"),
    Reason("item_differs", "buyer", "another item than ordered", "confirm the substitution by an order change, or reject it"),
    Reason("unit_unknown", "steward", "the item does not come in that unit", "add the packaging level to the item"),
    Reason("currency", "ap", "another currency than the order", "ask the supplier to bill in the order's currency"),
    Reason("supplier_differs", "ap", "billed by another supplier than ordered from", "check who is to be paid: it may be fraud"),
    Reason("entity_differs", "ap", "billed to another entity than the one that ordered", "ask for an invoice per entity"),
    Reason("duplicate", "ap", "looks like an invoice that is here already", "reject it unless it bills another delivery"),
    Reason("negative_line", "ap", "a line takes money back", "ask the supplier for a credit note"),
    Reason("arithmetic", "ap", "the amounts do not add up", "ask the supplier for a corrected invoice"),
    Reason("freight_over", "ap", "charges that no order agreed", "confirm the freight terms or ask for a credit"),
    Reason("tax_differs", "ap", "more tax than the rate allows", "check the exemption certificate with the supplier"),
    Reason("variance_over", "ap", "small differences add up to too much", "confirm the differences or ask for a credit"),
    Reason("line_without_order", "ap", "a line names no order", "ask for the order number, or accept it by two people"),
    Reason("no_order", "ap", "the invoice names no order", "ask for the order number, or accept it by two people"),
    Reason("match_awaited", "ap", "not yet compared with all its orders", "wait"),
    Reason("invoice_awaited", "ap", "the credited invoice is not here yet", "wait, or ask which invoice it corrects"),
    Reason("credit_over_invoice", "ap", "credits more than was billed", "check which invoice it corrects"),
)

REASONS: dict[str, Reason] = {reason.code: reason for reason in _ALL}


def owner_of(reasons: Iterable[str]) -> str:
    """Who looks first: the owner of the first reason; AP where there is none."""
    return next((REASONS[reason].owner for reason in reasons if reason in REASONS), "ap")


def advice_for(reasons: Iterable[str]) -> str:
    """One sentence on what to do, from the first reason."""
    return next((REASONS[reason].advice for reason in reasons if reason in REASONS), "look at it and decide")


def text_of(reasons: Iterable[str]) -> str:
    """The reasons in words."""
    return "; ".join(REASONS[reason].text if reason in REASONS else reason for reason in reasons)

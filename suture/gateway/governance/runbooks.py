"""Runbooks: for each kind of exception and each flow, what it means, where to look first, what to do, and whom to call.

The pages of docs/runbooks are made from these values; ``suture runbook`` shows them beside the exception.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from msgspec import Struct


class Runbook(Struct, frozen=True, kw_only=True):
    """What to do about one kind of trouble. ``reasons`` are the codes of exceptions that it is for ("unknown_*" all that begin
    so); ``flow`` the process that it keeps going, ``drill`` the exercise in which that is practised. ``never`` says what would
    make it worse."""

    name: str
    title: str
    owner: str
    means: str
    look: tuple[str, ...]
    do: tuple[str, ...]
    never: str
    escalate: str
    reasons: tuple[str, ...] = ()
    flow: str = ""
    drill: str = ""

    def covers(self, reason: str) -> bool:
        """Whether it is for this kind of exception."""
        return any(reason == each or (each.endswith("*") and reason.startswith(each[:-1])) for each in self.reasons)


_EXCEPTIONS: tuple[Runbook, ...] = (
    Runbook(
        name="message-unreadable",
        title="A message that cannot be read",
        owner="operations",
        reasons=(
            "refused",
            "refused_message",
            "unreadable",
            "not_theirs",
            "too_large",
        ),
        means="A partner's bytes do not say what the format says they must, or the sender may not say it. Nothing of it has been "
        "acted upon. The bytes are kept, and the partner was told in the protocol's own words where that exists.",
        look=("suture show MESSAGE", "the findings: code, place and reason", "whether others of the same partner came today"),
        do=(
            "One message: repair it where the meaning is plain (release takes it again), or reject it and tell the sender.",
            "All of a partner's: something changed there. Ask for the release notes; mend the mapping and release"
            " what is parked.",
        ),
        never="Do not guess an amount, a quantity or an identity to make a message pass.",
        escalate="The partner's desk after an hour; the mapping's owner at once when every message of a kind fails.",
    ),
    Runbook(
        name="code-unknown",
        title="A code that nobody has mapped",
        owner="steward",
        reasons=("unknown_*", "entity_unknown", "supplier_unknown"),
        means="A partner uses a code for an item, supplier, place, cost centre, order or usage that leads to nothing here. The "
        "document waits; others go on.",
        look=(
            "the candidates named in the exception",
            "suture masters, for codes that clash",
            "whether the thing is new or the code",
        ),
        do=(
            "A new code for a known thing: add the crosswalk row, then release.",
            "A new thing: have its steward file it first; then the crosswalk, then release.",
            "An order or usage that is not here yet: wait for it, within the deadline; it is taken up by itself.",
        ),
        never="Do not map a code to something similar to clear the queue: stock and money would follow it.",
        escalate="The steward of the domain; the partner where the code is a typing error.",
    ),
    Runbook(
        name="delivery-refused",
        title="A document that a counterpart refuses",
        owner="operations",
        reasons=("refused_by_partner", "undelivered", "undeliverable", "erp_refused"),
        means="A system of record said no, for good, in its own words; or nobody has the code that it needs. It has not"
        " been taken.",
        look=(
            "the counterpart's own words in the exception",
            "suture show ORDER, for what it was told before",
            "suture reconcile SYSTEM",
        ),
        do=(
            "A closed period, a blocked vendor, a missing account: mend it there, then release; the same key is used again.",
            "A document that is wrong: repair it, if its meaning is plain; otherwise cancel and begin it anew at its source.",
        ),
        never="Do not enter it by hand in the counterpart while it is parked here: it would be there twice.",
        escalate="The owner of the counterpart after an hour, at once if several are refused for one reason.",
    ),
    Runbook(
        name="outcome-unknown",
        title="Nobody can tell whether it arrived",
        owner="operations",
        reasons=("unknown_outcome", "no_word", "retries_exhausted"),
        means="The request left and no answer came, and the counterpart offers no way to ask; or it was tried as often "
        "as the policy "
        "allows. It may be there or not.",
        look=(
            "the counterpart itself, by our reference",
            "suture reconcile SYSTEM, where it keeps a list",
            "the bank's statement, for a payment",
        ),
        do=(
            "It is there: confirm. The process goes on as if the answer had come.",
            "It certainly is not: release. It is looked for once more before it is sent, wherever one can look.",
            "For a payment: wait for the status report or the statement; two people decide.",
        ),
        never="Never release a payment or an order because it is urgent: a second one is worse than a late one.",
        escalate="The owner of the counterpart; treasury at once where it is money.",
    ),
    Runbook(
        name="counterpart-away",
        title="A counterpart that is out of reach",
        owner="operations",
        reasons=("out_of_reach",),
        means="Nothing gets through to a system. What is for it waits in order and drains by itself when it is back; "
        "nothing is lost.",
        look=(
            "the console's page of systems: since when, how much waits",
            "their status page or desk",
            "our own network, if several are away",
        ),
        do=(
            "Leave the queue alone. Tell the owners of the flows how much waits and since when.",
            "Planned, or longer than a day: follow the runbook of the flow for working without it.",
            "Back: watch the backlog shrink; critical documents go first.",
        ),
        never="Do not cancel what waits to make the number smaller.",
        escalate="The system's owner after ten minutes for critical flows, an hour for others.",
    ),
    Runbook(
        name="no-way",
        title="Nobody plays the part, or a handler failed",
        owner="operations",
        reasons=("no_route", "handler_failed"),
        means="The network file names nobody for a document, or our own code failed on one event. That event alone is "
        "parked; its "
        "state is untouched.",
        look=("suture check NETWORK.TOML", "the exception's text: which role, which error", "whether it began with a deployment"),
        do=(
            "A missing instance, a wrong facility: mend the network file, restart, retry.",
            "A failure of ours: go back to the release before (suture changes tells which), then retry.",
        ),
        never="Do not reject the event: what it asked for would never happen.",
        escalate="The team that runs Suture, at once for a failure of ours.",
    ),
    Runbook(
        name="receiving",
        title="Goods that are not what was ordered",
        owner="supply_chain",
        reasons=(
            *(
                "over_receipt",
                "wrong_item",
                "wrong_lot",
                "wrong_place",
                "lot_missing",
                "serial_missing",
                "serial_twice",
                "expired",
            ),
            *("order_cancelled", "bad_quantity", "bad_unit", "no_lines", "reversal_differs"),
            *("receipt_changed", "too_old"),
        ),
        means="What the dock counted differs from the order or the ship notice. The receipt is held: no stock, no "
        "posting, no payment.",
        look=(
            "the order and the ship notice beside the receipt",
            "the goods themselves, with the dock",
            "whether theatre waits for them",
        ),
        do=(
            "It was counted or typed wrongly: reject, and have the dock post it again.",
            "It is right and wanted: release. A surplus needs the buyer's word, a substitute an order change first.",
            "An expired or unknown lot: keep it apart, reject, and tell the supplier.",
        ),
        never="Do not release a wrong lot or an expired one because the case is on the table: quality decides that, not"
        " the queue.",
        escalate="The buyer for surpluses and substitutes; quality for lots; the head of the dock within the shift.",
    ),
    Runbook(
        name="supplier-word",
        title="A supplier that answers otherwise, late or not at all",
        owner="buyer",
        reasons=(
            *(
                "line_rejected",
                "price_changed",
                "quantity_changed",
                "date_changed",
                "substituted",
                "backordered",
                "wrong_supplier",
            ),
            *("acknowledgement_overdue", "shipment_overdue", "shipped_after_end"),
        ),
        means="The supplier rejects or changes a line, ships what was called off, or has not said anything in the agreed time.",
        look=("the order's story", "the contract price", "the stock of the item and who waits for it"),
        do=(
            "Acceptable: accept; the order is changed everywhere. Otherwise reject, and order elsewhere.",
            "Silence: ask the supplier by telephone; a lost interchange is sent again by release, never by a new order.",
        ),
        never="Do not accept a price over the contract without the contract's owner.",
        escalate="The category manager after a day; supply chain at once where a procedure depends on it.",
    ),
    Runbook(
        name="requisition-stopped",
        title="A need that does not become an order",
        owner="buyer",
        reasons=(
            *("approval_overdue", "limit_exceeded", "no_price", "item_blocked", "supplier_blocked"),
            *("cost_center_blocked", "foreign_cost_center", "changed_after_submission", "later_review", "requisition_*"),
        ),
        means="Nobody with authority has answered, or an item, supplier, price or cost centre does not allow the purchase.",
        look=(
            "whom it was asked of and when",
            "suture policies applied REQUISITION",
            "the master record that is blocked, and why",
        ),
        do=(
            "No answer: ask again (retry); a deputy has the same role in the directory.",
            "Blocked: have its steward decide, or have the need changed to what may be bought.",
        ),
        never="Do not split a need to get under a limit.",
        escalate="The approver's head after the deadline; the administrator on call for emergencies.",
    ),
    Runbook(
        name="invoice",
        title="A bill that does not match",
        owner="ap",
        reasons=(
            *("match_exception", "duplicate_invoice", "receipt_overdue", "invoice_overdue", "match_lost", "credit_on_account"),
            *("reverse_posting", "amount_differs", "unmatched_remittance", "no_order", "order_unknown", "invoice_*"),
        ),
        means="Price, quantity, tax or total differ from order and receipt by more than the tolerances, it came twice, "
        "or what it "
        "bills has not arrived.",
        look=(
            "the lines in the exception: billed, ordered, received",
            "suture policies applied INVOICE",
            "what the supplier billed before",
        ),
        do=(
            "The bill is wrong: reject, and ask for a credit or a corrected one.",
            "The order was wrong: change the order, and it matches by itself. The receipt is missing: ask the dock.",
            "Right as it is: accept with the reason; a second person accepts what the policy says.",
        ),
        never="Do not raise the tolerances to clear a queue: propose a policy, and have it approved.",
        escalate="The buyer for prices, supply chain for quantities; the head of AP where a discount ends or fraud is possible.",
    ),
    Runbook(
        name="money-stopped",
        title="Money that does not move, or came back",
        owner="treasury",
        reasons=(
            *("payment_*", "release_overdue", "release_refused", "refund_due", "no_account", "second_person", "status_overdue"),
            *("untraceable", "not_ours", "contradiction"),
        ),
        means="A release waits for a person, the bank refused or returned a payment, or says something about one that "
        "nobody ordered.",
        look=("suture evidence PAYMENT", "the bank's code and its statement", "whether the supplier's account changed lately"),
        do=(
            "Returned for the account: have the account confirmed by a call back to a known number; then retry.",
            "Not released: the person with authority decides; another if the first has a part in it.",
            "A payment that is not ours: stop, and call the bank.",
        ),
        never="Never change a bank account on the word of a mail, and never pay by hand what is in doubt here.",
        escalate="The head of treasury within the hour; the bank's hotline for what is not ours.",
    ),
    Runbook(
        name="stock-and-usage",
        title="Stock that cannot be right",
        owner="supply_chain",
        reasons=(
            *("negative_stock", "no_stock_policy", "replenishment_stopped", "not_counted", "no_original", "usage_*"),
            *("bad_stock_policy",),
        ),
        means="More was used than was there, a place keeps no such stock, or a replenishment stopped. The usage itself stands.",
        look=("the movements of the item in that place", "the last receipt and the last count", "whether theatre is supplied"),
        do=(
            "Count. Post the difference in the inventory system; it comes here as an adjustment.",
            "No policy: have the steward file reorder point and quantity, then retry.",
            "Stopped: order elsewhere (retry), or accept, and say who watches the shelf.",
        ),
        never="Do not cancel a usage to make the stock right: it is a clinical record.",
        escalate="The storekeeper within the shift; the department at once if a procedure depends on it.",
    ),
    Runbook(
        name="silence",
        title="A feed that is silent, or has a gap",
        owner="operations",
        reasons=("feed_silent", "numbers_missing", "numbers_unsteady"),
        means="What should have come has not: a feed is quieter than its rhythm, or a running number was left out. "
        "Something may be lost "
        "on the other side.",
        look=(
            "docs/expectations.md: what was expected when",
            "the counterpart's outbound queue",
            "the numbers before and after the gap",
        ),
        do=(
            "Ask the sender to send the missing numbers again; repeats change nothing here.",
            "A planned pause: accept, and file it in the policy feeds.",
        ),
        never="Do not accept a gap before the sender has said what was in it.",
        escalate="The sender's desk within the hour for critical feeds.",
    ),
    Runbook(
        name="reconciliation",
        title="A counterpart that holds something else",
        owner="operations",
        reasons=(
            *("missing_there", "missing_here", "mass_missing", "doubled", "held_but_open", "held_but_refused"),
            *("different_amount", "different_lines", "different_state"),
        ),
        means="Its own list and our journal do not agree, and policy does not repair it by itself.",
        look=("the two sides in the exception", "suture reconcile SYSTEM, once more", "who works in that system by hand"),
        do=(
            "Missing there: resend, and the next reconciliation carries it out. Missing here: somebody entered it there; "
            "have it entered at its source.",
            "Held there, open here: confirm if it is the same document.",
            "Otherwise: have the side corrected that is wrong, or accept the difference.",
            "Many at once: stop, and ask whether the system was restored from a backup.",
        ),
        never="Do not repair a mass of differences one by one: find what caused them.",
        escalate="The system's owner; the team that runs Suture where many appear at once.",
    ),
    Runbook(
        name="supplier-differs",
        title="A supplier that another system describes otherwise",
        owner="steward",
        reasons=("supplier_differs", "supplier_missing"),
        means="The daily comparison found a field of suppliers that a counterpart holds otherwise than the group's master data, "
        "or active suppliers that it does not list. Of a bank account it is known that it differs, not which it is.",
        look=(
            "the suppliers and the field in the exception",
            "who changed it last: the supplier's story here, the change log there",
            "payments to it that are on their way",
        ),
        do=(
            "A bank account: hold its payments until the supplier has confirmed it by a way that was known before.",
            "Correct the side that is wrong; the exception ends with the next comparison, or with suture reconcile SYSTEM.",
            "Meant to differ: accept. It stays quiet until either side says something else.",
        ),
        never="Do not take an account over from the other side because it is newer.",
        escalate="Treasury at once for a bank account that nobody can explain.",
    ),
    Runbook(
        name="duties-and-rules",
        title="A rule about people, or about rules, was broken",
        owner="steward",
        reasons=("sod_violation", "version_taken", "changed_posting", "unbalanced"),
        means="Somebody approved their own wish, made a supplier and would pay it, or published a rule under a number "
        "that is taken. What "
        "they wanted has not happened.",
        look=("suture policies show NAME", "the audit page: who, when", "whether a deputy is missing from the directory"),
        do=("Have another person do it.", "Publish the policy under the next version, approved by another person."),
        never="Do not borrow an account.",
        escalate="Internal audit where it happens twice.",
    ),
    Runbook(
        name="subscriber-away",
        title="A subscriber that takes no events",
        owner="operations",
        reasons=("subscriber_unreachable",),
        means="A webhook has refused for hours, or said that it is gone. It is paused; its events stay in the journal.",
        look=("suture subscriptions", "the answer in the exception", "whoever answers for it"),
        do=("Mended: retry; it goes on from where it stands.", "Gone for good: cancel, and ask who else used it."),
        never="Do not skip events for a subscriber that counts on all of them.",
        escalate="Whoever answers for the subscription, within a day.",
    ),
    Runbook(
        name="subscriber-not-entitled",
        title="A subscriber that has lost its key or its right",
        owner="operations",
        reasons=("subscriber_not_entitled",),
        means="The API key that made a webhook was revoked or has expired, its token was not shown again within 30 days, or its "
        "roles no longer cover the events it asked for. Nothing more is sent there; its events stay in the journal.",
        look=("suture subscriptions", "suture access", "who revoked the key, and why"),
        do=(
            "The partner has left, or the key had leaked: cancel.",
            "It should go on: whoever answers for it resumes it with a key that lives (POST /api/subscriptions/NAME/resume).",
        ),
        never="Do not make it again in another name only to keep it running.",
        escalate="Whoever revoked the key, the same day.",
    ),
)

#: For what has no runbook of its own.
ANY = Runbook(
    name="any",
    title="An exception without a runbook of its own",
    owner="operations",
    means="Something cannot go on by itself. The exception names what it is about, since when, what it costs, and what "
    "can be done.",
    look=("the exception's text and suggestion", "suture show NUMBER", "whether there are others of its kind"),
    do=("Choose one of its actions, with a reason.", "Tell the team that runs Suture, so that it gets a runbook."),
    never="Do not decide what you do not understand: every action is journaled under your name.",
    escalate="The exception's owner, before its deadline.",
)

_FLOWS: tuple[Runbook, ...] = (
    Runbook(
        name="flow-procurement",
        title="Buying without the procurement suite or the ERP",
        owner="supply_chain",
        flow="requisition_to_order",
        drill="procurement",
        means="Needs do not become orders: the suite does not send, or the ERP does not commit.",
        look=("systems: which of the two is away", "suture ledger --by kind: how many wait", "emergencies among them"),
        do=(
            "ERP away: needs wait in order and are committed when it is back. Emergencies: order by telephone "
            "under the numbers kept for it, "
            "and enter the need afterwards with that number, marked as ordered.",
            "Suite away: needs on paper, entered when it is back; replenishment goes on by itself.",
            "Back: compare the telephone orders with what drained before anybody ships twice.",
        ),
        never="Do not enter an order in the ERP that waits here.",
        escalate="Supply chain on call; the ERP's owner after ten minutes.",
    ),
    Runbook(
        name="flow-receiving",
        title="Receiving without the inventory system",
        owner="supply_chain",
        flow="order_to_receipt",
        drill="receiving",
        means="Goods arrive and receipts do not: the dock cannot post, or receipts do not get here.",
        look=("systems: inventory, ERP, AP", "expected receipts of today (suture show ORDER)", "what theatre waits for"),
        do=(
            "Count on paper: order, line, item, lot, serial, quantity, place, name. Shelve what is needed.",
            "Back: post the sheets in the order of the day; what does not fit becomes an exception with its reason.",
            "Invoices wait for the receipts by themselves; ask AP to hold discounts that end today.",
        ),
        never="Do not post a receipt in the ERP by hand: stock and payment would count it twice.",
        escalate="The head of the dock; AP where a discount ends.",
    ),
    Runbook(
        name="flow-usage",
        title="Theatre without charges reaching the stock",
        owner="supply_chain",
        flow="usage_to_replenishment",
        means="Usages do not arrive from the EHR: shelves are not replenished and cost is not posted.",
        look=("silence of the EHR's feed, and its numbers", "the shelves with a reorder point near", "MLLP: who connects"),
        do=(
            "Count the critical shelves each shift and ask for replenishment by hand.",
            "Back: the EHR sends its queue; repeats change nothing. Compare the numbers with the gap.",
            "Cancel replenishments by hand that the late usages have asked for again.",
        ),
        never="Do not re-enter charges here: they are clinical records of the EHR.",
        escalate="The EHR's interface desk at once; the department for critical items.",
    ),
    Runbook(
        name="flow-match",
        title="Invoices that are not matched",
        owner="ap",
        flow="invoice_match",
        means="Bills come in and stay without a result.",
        look=("receipts: do they arrive", "the policy tolerances: is one in force", "exceptions by reason"),
        do=("Mend what is away first: most wait for a receipt.", "Work the rest by the day their discount ends."),
        never="Do not pay outside of the match.",
        escalate="The head of AP.",
    ),
    Runbook(
        name="flow-invoice",
        title="Paying bills without AP automation",
        owner="ap",
        flow="invoice_to_payment",
        means="Approvals are not asked or not answered; bills do not become due.",
        look=("AP automation and the suite in which people approve", "what is due within two days", "open approvals by person"),
        do=(
            "Approvals wait and are asked again when it is back. What is due: the approver decides here, in the console.",
            "Tell treasury which payments will be late.",
        ),
        never="Do not approve for somebody else.",
        escalate="The head of AP; the controller for what is due today.",
    ),
    Runbook(
        name="flow-payment",
        title="Paying suppliers without the bank's channel",
        owner="treasury",
        flow="payment",
        drill="payment",
        means="Payments leave and no word comes, or they do not leave.",
        look=("the bank's channel and its status page", "payments in doubt: suture ledger --by kind", "cut-off times of today"),
        do=(
            "Nothing is sent twice: in doubt, wait for the status report or the statement.",
            "What must leave today: two people pay it at the bank's own desk, and cancel it here before that, with the reason.",
            "Back: compare the statement with the journal (suture reconcile), then let the rest go.",
        ),
        never="Never pay at the bank what has left here, or is in doubt.",
        escalate="The head of treasury at once; the bank's hotline before the cut-off.",
    ),
    Runbook(
        name="flow-masters",
        title="Master data and policies that do not change",
        owner="steward",
        flow="masters",
        means="New items, suppliers, prices or rules are published and do not apply.",
        look=("suture policies", "suture masters", "exceptions of the stewards"),
        do=("Mend what is refused, and publish again.", "Urgent: go back one version (suture policies rollback)."),
        never="Do not edit a version that was published.",
        escalate="The steward of the domain.",
    ),
    Runbook(
        name="flow-feeds",
        title="Nobody notices what never came",
        owner="operations",
        flow="feeds",
        means="The watch over feeds itself has stopped, or has too much to say.",
        look=("the policy feeds", "docs/expectations.md", "the clock of the machine"),
        do=("Many at once: look for one cause, a network or a clock.", "File planned pauses in the policy feeds."),
        never="Do not silence a feed to have quiet.",
        escalate="The team that runs Suture.",
    ),
    Runbook(
        name="flow-handed-on",
        title="Assets, work orders and postings that are not handed on",
        owner="operations",
        flow="handed_on",
        means="What another system registered or posted does not reach those who must know.",
        look=("who is owed it: suture ledger ID", "exceptions about refused postings"),
        do=("Mend the counterpart; it drains by itself.", "A refused posting: correct it at its source, under a new number."),
        never="Do not post it twice under two numbers.",
        escalate="The owner of the counterpart.",
    ),
)

_HEAD = "# Runbooks\n\nThese pages are generated, by `make docs`. Do not edit them. `suture runbook CODE` shows one.\n\n"
_COLUMNS = "| for | runbook | owner |\n| --- | --- | --- |\n"

RUNBOOKS: Mapping[str, Runbook] = MappingProxyType({each.name: each for each in (*_EXCEPTIONS, *_FLOWS, ANY)})


def runbook_of(reason: str) -> Runbook:
    """The runbook for a kind of exception: the one that names it, then one for all that begin so, then the general one."""
    named = next((each for each in _EXCEPTIONS if reason in each.reasons), None)
    return named or next((each for each in _EXCEPTIONS if each.covers(reason)), ANY)


def runbook_for(flow: str) -> Runbook:
    """The runbook that keeps a flow going; the general one where it has none."""
    return next((each for each in _FLOWS if each.flow == flow), ANY)


def page(runbook: Runbook) -> str:
    """The runbook as Markdown."""
    return "".join(_lines(runbook))


def index() -> str:
    """The list of all, by what one has at hand: the code of an exception, or a flow."""
    rows = [f"| `{reason}` | [{each.title}]({each.name}.md) | {_words(each.owner)} |\n" for reason, each in _by_reason()]
    flows = [f"| `{each.flow}` | [{each.title}]({each.name}.md) | {_words(each.owner)} |\n" for each in _FLOWS]
    rest = f"| anything else | [{ANY.title}]({ANY.name}.md) | operations |\n"
    return "".join((_HEAD, "## By exception\n\n", _COLUMNS, *rows, rest, "\n## By flow\n\n", _COLUMNS, *flows))


def _by_reason() -> list[tuple[str, Runbook]]:
    return sorted(((reason, each) for each in _EXCEPTIONS for reason in each.reasons), key=lambda row: row[0])


def _lines(runbook: Runbook) -> Iterator[str]:
    yield f"# {runbook.title}\n\n**Owner**: {_words(runbook.owner)}. "
    yield f"**For**: {', '.join(f'`{reason}`' for reason in runbook.reasons)}.\n\n" if runbook.reasons else ""
    yield f"**Flow**: `{runbook.flow}`.\n\n" if runbook.flow else "" if runbook.reasons else "\n\n"
    if runbook.drill:
        yield f"**Drill**: `suture simulate --drill {runbook.drill}` takes its counterpart away for hours"
        yield ", and times what follows.\n\n"
    yield f"{runbook.means}\n\n## Look first\n\n"
    yield from (f"- {line}\n" for line in runbook.look)
    yield "\n## Then\n\n"
    yield from (f"{number}. {line}\n" for number, line in enumerate(runbook.do, 1))
    yield f"\n## Never\n\n{runbook.never}\n\n## Call\n\n{runbook.escalate}\n"


def _words(name: str) -> str:
    return name.replace("_", " ")

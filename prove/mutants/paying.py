"""Bugs of matching and paying: what may be paid, who lets it go, how often, and who hears of it."""

from __future__ import annotations

from prove.mutants.mutant import Mutant

_MATCH, _ACCOUNT, _MATCHING = "processes/invoice_match.py", "processes/order_account.py", "rules/matching.py"
_CLAIM, _ACCEPT, _RELEASE = "processes/invoice_to_payment.py", "processes/acceptance.py", "processes/release.py"
_PAY, _RULES = "processes/payment.py", "rules/payments.py"

MUTANTS = (
    Mutant(
        name="a tolerance of two percent is one of two hundred",
        file="rules/tolerances.py",
        old="over * 100 <= expected * Fraction(self.price_percent)",
        new="over <= expected * Fraction(self.price_percent)",
    ),
    Mutant(
        name="a tolerance in money is passed over",
        file="rules/tolerances.py",
        old="        return by_percent and (limit is None or over <= Fraction(limit))\n",
        new="        return by_percent\n",
    ),
    Mutant(
        name="an overcharge is tolerated, however much",
        file=_MATCHING,
        old='        return [Weighed("price_over", "matched" if allowed else "exception")]\n',
        new='        return [Weighed("price_over", "matched")]\n',
    ),
    Mutant(
        name="goods that have not come are paid",
        file=_MATCHING,
        old="    if two_way or goods <= measured.received:\n",
        new="    if True:\n",
    ),
    Mutant(
        name="more than was ordered is paid",
        file=_MATCHING,
        old="    if claimed * whole > measured.ordered * stretch:\n",
        new="    if False:\n",
        scenarios=("busy people", "everything"),
        survives="what is billed beyond an order hardly ever came as well; where it did not, it waits for that reason",
    ),
    Mutant(
        name="receipts are summed twice",
        file=_ACCOUNT,
        old="            received=tuple(received.get(line.number, ())),\n",
        new="            received=2 * tuple(received.get(line.number, ())),\n",
    ),
    Mutant(
        name="what other invoices billed is not held against the order",
        file=_MATCH,
        old='        accounts = after_claim(accounts, claimed, answer.outcome == "matched")\n',
        new="",
    ),
    Mutant(
        name="a receipt that was undone counts on",
        file=_ACCOUNT,
        old="in receipt.lines if receipt.id not in undone else ():\n",
        new="in receipt.lines:\n",
    ),
    Mutant(
        name="nobody hears that an invoice matches no more",
        file=_ACCEPT,
        old='    if outcome == "exception" and turn.state.phase != "returned"',
        new='    if outcome == "never" and turn.state.phase != "returned"',
        survives="nobody in a simulated week changes an order that has been billed and paid; test_invoice_to_payment.py does",
    ),
    Mutant(
        name="the match does not hear of receipts",
        file=_MATCH,
        old="        ReceiptPosted: received,\n",
        new="",
    ),
    Mutant(
        name="the match does not hear of changes",
        file=_MATCH,
        old="        OrderChange: changed,\n",
        new="",
        scenarios=("busy people", "everything"),
    ),
    Mutant(
        name="payment without anybody's release",
        file=_RULES,
        old="    if limit is not None and amount <= limit:\n",
        new="    if True:\n",
        scenarios=("busy people", "everything"),
    ),
    Mutant(
        name="a refused release is taken for one",
        file=_RELEASE,
        old='    if approval.decision == "reject":\n',
        new="    if False:\n",
        scenarios=("busy people", "everything"),
    ),
    Mutant(
        name="anybody may release a payment",
        file=_RULES,
        old="    if person is None or role not in person.roles:\n",
        new="    if False:\n",
        scenarios=("busy people", "everything"),
    ),
    Mutant(
        name="one person accepts what two must",
        file=_RULES,
        old="ACCEPTERS = 2\n",
        new="ACCEPTERS = 1\n",
        scenarios=("busy people",),
    ),
    Mutant(
        name="one approver counts twice",
        file=_RULES,
        old="    if any(same_person(actor, other) for other in before):\n",
        new="    if False:\n",
        scenarios=("busy people",),
    ),
    Mutant(
        name="a mismatch is paid without anybody's word",
        file=_ACCEPT,
        old='    if found.outcome == "matched" or covered(state, found):\n',
        new="    if True:\n",
    ),
    Mutant(
        name="an exception of an invoice is put before nobody",
        file=_ACCEPT,
        old="    raise_case(\n        turn,\n        reason,\n        text_of(found.reasons),\n",
        new="    dict(\n        turn=turn,\n        reason=reason,\n        text=text_of(found.reasons),\n",
    ),
    Mutant(
        name="a wait for goods never ends",
        file=_ACCEPT,
        old='Wait(name="receipt_overdue", until=turn.seen.now',
        new='Wait(name="forgotten", until=turn.seen.now',
    ),
    Mutant(
        name="every copy of an invoice counts anew",
        file=_CLAIM,
        old="    if state.bill is None:\n        _take(turn, bill)\n",
        new="    if True:\n        _take(turn, bill)\n",
    ),
    Mutant(
        name="an approved invoice is not posted",
        file=_ACCEPT,
        old='        send(turn, "erp", structs.replace(bill_of(turn), entity=entity))\n',
        new="        pass\n",
    ),
    Mutant(
        name="an invoice is posted once more at each word about it",
        file=_ACCEPT,
        old='    if not turn.state.erp:\n        turn.become(erp="sent")\n',
        new='    if True:\n        turn.become(erp="sent")\n',
        scenarios=("partners away", "everything"),
        survives="its match would have to be lost and found again before the ledger has answered",
    ),
    Mutant(
        name="a posted invoice is never due",
        file=_RELEASE,
        old='        turn.want(Wait(name="due", until=due))\n',
        new="        pass\n",
    ),
    Mutant(
        name="an invoice that is paid is paid again",
        file=_RELEASE,
        old="    if live(turn.state) or not amount.amount:\n",
        new="    if not amount.amount:\n",
    ),
    Mutant(
        name="what was credited is paid all the same",
        file=_RULES,
        old="    return Money(max(total.amount - credited, Decimal(0)), total.currency).rounded()\n",
        new="    return total.rounded()\n",
    ),
    Mutant(
        name="a credit note is paid as if it were an invoice",
        file=_ACCEPT,
        old="    if not isinstance(bill, CreditNote):\n        due(turn)\n",
        new="    if True:\n        due(turn)\n",
    ),
    Mutant(
        name="a credit after the payment is told to nobody",
        file=_RELEASE,
        old="    if due.amount > 0:\n",
        new="    if False:\n",
    ),
    Mutant(
        name="a credit note is posted as an invoice",
        file="systems/erp_rest.py",
        old='"kind": "credit" if isinstance(document, CreditNote) else "invoice",',
        new='"kind": "invoice",',
    ),
    Mutant(
        name="a second payment bears the number of the first",
        file=_RELEASE,
        old="    id = payment_id(bill.id, len(state.payments) + 1)\n",
        new="    id = payment_id(bill.id, 1)\n",
        scenarios=("busy people", "everything"),
    ),
    Mutant(
        name="another amount is paid than is owed",
        file=_RELEASE,
        old="        amount=amount,\n        execute_on=",
        new='        amount=Money(amount.amount - Decimal("0.01"), amount.currency),\n        execute_on=',
    ),
    Mutant(
        name="a payment that came back is told to nobody",
        file=_PAY,
        old="        turn.want(Emit(document=back))\n",
        new="        pass\n",
    ),
    Mutant(
        name="a payment that came back is ordered again by itself",
        file=_RELEASE,
        old='        turn.become(phase="returned")\n',
        new='        turn.become(phase="returned")\n        release(turn)\n',
    ),
    Mutant(
        name="the ERP does not hear that a payment failed",
        file=_PAY,
        old='    _send(\n        turn, "erp", status or PaymentStatus(',
        new='    (lambda *_: None)(\n        turn, "erp", status or PaymentStatus(',
    ),
    Mutant(
        name="the supplier is not told what was paid",
        file=_PAY,
        old='    for role in ("erp", "ap", "procurement", "supplier"):\n',
        new='    for role in ("erp", "ap", "procurement"):\n',
    ),
    Mutant(
        name="the ledger is not told what was paid",
        file=_PAY,
        old='    for role in ("erp", "ap", "procurement", "supplier"):\n',
        new='    for role in ("ap", "procurement", "supplier"):\n',
    ),
    Mutant(
        name="a settlement is told at every word of the bank",
        file=_PAY,
        old='        case "settled" if phase in (*UNDER_WAY, "rejected"):\n',
        new='        case "settled":\n            turn.become(remitted=False)\n',
    ),
    Mutant(
        name="the silence of a bank is put before nobody",
        file=_PAY,
        old='    if timer.name == "status_overdue" and',
        new='    if timer.name == "never" and',
        scenarios=("partners away",),
    ),
    Mutant(
        name="a refused payment file counts as sent",
        file=_PAY,
        old='    elif fate.outcome in ("refused", "cancelled") and state.phase == "sent":\n',
        new="    elif False:\n",
        scenarios=("partners away", "everything"),
    ),
)

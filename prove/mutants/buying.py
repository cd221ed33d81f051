"""Bugs of buying and receiving: requisitions, orders, changes, receipts, and the shelves that are filled again."""

from __future__ import annotations

from prove.mutants.mutant import Mutant

_BUY, _ORDER, _DOCK = "processes/requisition_to_order.py", "processes/order_to_receipt.py", "processes/dock.py"
_WORD, _FULFIL, _USAGE = "processes/supplier_word.py", "processes/fulfilment.py", "processes/usage_to_replenishment.py"
_SHELF, _REORDER = "processes/shelf.py", "processes/reorder.py"

MUTANTS = (
    Mutant(
        name="anybody's approval counts",
        file=_BUY,
        old="    if fault is None:\n",
        new="    if True:\n",
        scenarios=("busy people",),
    ),
    Mutant(
        name="nobody is asked, whatever it costs",
        file="rules/approvals.py",
        old='    return _within(total, money(policy.get("auto", {}), total.currency))\n',
        new="    return True\n",
    ),
    Mutant(
        name="a rejection is taken for an approval",
        file=_BUY,
        old='    if approval.decision == "reject":\n',
        new="    if False:\n",
    ),
    Mutant(
        name="whoever asks for little authority is asked",
        file="rules/approvals.py",
        old='    return None if total <= limit else ("limit_exceeded"',
        new='    return None if True else ("limit_exceeded"',
        scenarios=("busy people",),
    ),
    Mutant(
        name="a supplier hears of an order before it is committed",
        file=_BUY,
        old="        turn.want(to_erp(turn, order, order))\n",
        new="        turn.want(Emit(document=order), to_erp(turn, order, order))\n",
    ),
    Mutant(
        name="only the first order of a requisition is placed",
        file=_BUY,
        old="    _send_orders(turn, turn.state.orders)\n",
        new="    _send_orders(turn, turn.state.orders[:1])\n",
    ),
    Mutant(
        name="the requester hears nothing of the order",
        file=_BUY,
        old='        _end(turn, "ordered", *refusals, orders=confirmed)\n',
        new="        pass\n",
    ),
    Mutant(
        name="an order is placed at twice the price of the contract",
        file="rules/sourcing.py",
        old="        price = agreed.price if agreed else",
        new=("        price = Price(agreed.price.amount * 2, agreed.price.currency, agreed.price.per) if agreed else"),
    ),
    Mutant(
        name="the supplier does not hear of the order",
        file=_ORDER,
        old='        send(turn, "supplier", order),\n',
        new="",
    ),
    Mutant(
        name="AP does not hear of the order",
        file=_ORDER,
        old='        send(turn, "ap", order),\n',
        new="",
    ),
    Mutant(
        name="nobody waits for the supplier's answer",
        file=_ORDER,
        old='Wait(name="acknowledgement", until=seen.now',
        new='Wait(name="forgotten", until=seen.now',
    ),
    Mutant(
        name="what came before the order is forgotten",
        file=_ORDER,
        old="    for document in state.early:\n",
        new="    for document in ():\n",
        survives="nobody in a simulated week speaks of an order before it is sent; test_order_to_receipt.py does",
    ),
    Mutant(
        name="the dock is not told what is still to come",
        file=_FULFIL,
        old='    turn.want(send(turn, "inventory", expected))\n',
        new="",
    ),
    Mutant(
        name="the dock expects what has come already",
        file="rules/ordering.py",
        old=" - refused.get(number, _NOTHING) - received.get(number, _NOTHING))\n",
        new=" - refused.get(number, _NOTHING))\n",
    ),
    Mutant(
        name="silence of a supplier is put before nobody",
        file=_ORDER,
        old='        case TimerFired(name="shipment") if',
        new='        case TimerFired(name="never") if',
    ),
    Mutant(
        name="a supplier's other price is taken without a word",
        file=_WORD,
        old="    wanted = as_answered(line, said)\n",
        new=(
            "    wanted = as_answered(line, said)\n"
            "    if wanted != line:\n"
            '        _decree(turn, (wanted,), "as answered")\n'
            "        return\n"
        ),
    ),
    Mutant(
        name="the ERP does not hear of a change",
        file=_WORD,
        old='        turn.become(order=after)\n        turn.want(send(turn, "supplier", wish), send(turn, "erp", wish))\n',
        new='        turn.become(order=after)\n        turn.want(send(turn, "supplier", wish))\n',
        scenarios=("busy people", "everything"),
    ),
    Mutant(
        name="the supplier does not hear of a change",
        file=_WORD,
        old='        turn.become(order=after)\n        turn.want(send(turn, "supplier", wish), send(turn, "erp", wish))\n',
        new='        turn.become(order=after)\n        turn.want(send(turn, "erp", wish))\n',
        scenarios=("busy people", "everything"),
    ),
    Mutant(
        name="the match does not hear of a change",
        file=_WORD,
        old="    turn.want(Emit(document=decreed))\n",
        new="",
        scenarios=("busy people", "everything"),
    ),
    Mutant(
        name="a cancelled order stays committed",
        file=_WORD,
        old='    _drop_wishes(turn)\n    turn.want(send(turn, "supplier", wish), send(turn, "erp", wish))\n',
        new='    _drop_wishes(turn)\n    turn.want(send(turn, "supplier", wish))\n',
        scenarios=("busy people", "partners away"),
    ),
    Mutant(
        name="a receipt is not posted to the ERP",
        file=_DOCK,
        old='    turn.want(Emit(document=fact), send(turn, "erp", receipt), send(turn, "ap", receipt))\n',
        new='    turn.want(Emit(document=fact), send(turn, "ap", receipt))\n',
    ),
    Mutant(
        name="AP does not hear of a receipt",
        file=_DOCK,
        old='    turn.want(Emit(document=fact), send(turn, "erp", receipt), send(turn, "ap", receipt))\n',
        new='    turn.want(Emit(document=fact), send(turn, "erp", receipt))\n',
    ),
    Mutant(
        name="a receipt is undone at the dock only",
        file=_DOCK,
        old="    _tell(turn, structs.replace(reversal, lines=original.lines, place=original.place))\n",
        new="",
    ),
    Mutant(
        name="the undoing of a receipt is counted as a receipt",
        file=_DOCK,
        old="    elif receipt.reverses:\n        _reverse(turn, receipt)\n",
        new="",
    ),
    Mutant(
        name="more is booked than was ordered",
        file="rules/receiving.py",
        old="        if total > ordered.value * tolerance:\n",
        new="        if False:\n",
    ),
    Mutant(
        name="goods are booked that came to another hospital",
        file="rules/receiving.py",
        old="    if receipt.place == order.ship_to:\n",
        new="    if True:\n",
    ),
    Mutant(
        name="whoever received the goods releases them",
        file=_ORDER,
        old='    if parked and decision.verb == "release" and same_person(',
        new='    if False and decision.verb == "release" and same_person(',
        scenarios=("busy people", "everything"),
        survives="who counted goods seldom decides about them in a simulated week; test_order_to_receipt.py tries it",
    ),
    Mutant(
        name="a rejected receipt is booked",
        file=_DOCK,
        old='    if decision.verb != "release":\n',
        new="    if False:\n",
        scenarios=("busy people",),
    ),
    Mutant(
        name="what was used does not leave the stock",
        file=_SHELF,
        old='    turn.want(_send(turn, "inventory", movement))\n',
        new="",
    ),
    Mutant(
        name="what was used costs nobody anything",
        file=_SHELF,
        old='    turn.want(_send(turn, "erp", posting))\n',
        new="",
    ),
    Mutant(
        name="a usage that is taken back leaves the stock again",
        file=_SHELF,
        old="    quantity = used.quantity if undo else -used.quantity\n",
        new="    quantity = -used.quantity\n",
    ),
    Mutant(
        name="a usage that is taken back is paid for again",
        file=_SHELF,
        old="    amount = -used.amount if undo else used.amount\n",
        new="    amount = used.amount\n",
    ),
    Mutant(
        name="a correction counts beside what it corrects",
        file=_USAGE,
        old='    if usage.kind == "corrected":\n        _undo(turn, usage.reverses, usage.id)\n    count_usage(turn, usage)\n',
        new="    count_usage(turn, usage)\n",
    ),
    Mutant(
        name="a cancellation is not heeded",
        file=_USAGE,
        old="        _undo(turn, usage.reverses or usage.id, usage.id)\n",
        new="        pass\n",
    ),
    Mutant(
        name="an empty shelf is not filled again",
        file=_REORDER,
        old="        _order(turn, policy, item, place, cause)\n",
        new="        pass\n",
    ),
    Mutant(
        name="a low shelf is ordered again with each usage",
        file=_REORDER,
        old="    again = not turn.state.awaiting and not turn.state.stopped\n",
        new="    again = not turn.state.stopped\n",
    ),
    Mutant(
        name="what was ordered for a usage that is taken back is not called back",
        file=_REORDER,
        old="            _call_back(turn, cause)\n",
        new="            pass\n",
    ),
    Mutant(
        name="an order that was called back stays committed",
        file=_BUY,
        old="            turn.want(Emit(document=cancellation(turn, order)))\n",
        new="",
    ),
)

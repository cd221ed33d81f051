"""The comparison of ``rules.reconciling`` as one expression over tables, for lists of millions, on whatever engine runs it.

Both tables hold one document per row: ``reference`` (our number), ``amount`` DECIMAL(18, 6), ``currency`` and ``state``; a NULL
amount and a blank state are not told, so not compared. Lines are not compared here: whoever needs them looks at what differs.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from suture.rules.reconciling import CANCELLED


def reconcile_table(ours: ir.Table, theirs: ir.Table) -> ir.Table:
    """A row per reference that differs: reference, kind, amount (ours), their_amount (of all their rows), times (there).

    ``ours`` is what the counterpart should hold, each reference once; kinds as in ``rules.reconciling.Kind``.
    """
    held = theirs.group_by("reference").agg(
        times=theirs.count(),
        their_amount=theirs.amount.sum(),
        their_currency=theirs.currency.max(),
        their_state=theirs.state.max(),
    )
    both = ours.outer_join(held, ["reference"], rname="their_{name}")
    both = both.mutate(
        here=both.reference.notnull(),
        there=both.times.notnull(),
        states_differ=(both.state != "") & (both.their_state != "") & (both.state != both.their_state),
        amounts_differ=(both.amount != both.their_amount) | (both.currency != both.their_currency),
    )
    judged = both.select(
        reference=both.reference.coalesce(both.their_reference),
        kind=ibis.cases(
            (~both.here, "missing_here"),
            (~both.there & (both.state != CANCELLED), "missing_there"),
            (both.times > 1, "doubled"),
            (both.states_differ, "different_state"),
            (both.amounts_differ, "different_amount"),
            else_="",
        ),
        amount=both.amount,
        their_amount=both.their_amount,
        times=both.times.coalesce(0),
    )
    return judged.filter(judged.kind != "")

"""Lists compared as tables: the same differences as the rule finds, reference by reference."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest

from suture.model import Held, Money
from suture.rules.reconciling import Ours, compare

ibis = pytest.importorskip("ibis", reason="the comparison of tables needs the extra: pip install 'suture[batch]'")
pyarrow = pytest.importorskip("pyarrow")

ROWS = pyarrow.schema(
    [
        ("reference", pyarrow.string()),
        ("amount", pyarrow.decimal128(18, 6)),
        ("currency", pyarrow.string()),
        ("state", pyarrow.string()),
    ]
)


def held(row: dict[str, Any]) -> Held:
    amount = None if row["amount"] is None else Money(row["amount"], row["currency"])
    return Held(reference=row["reference"], amount=amount, state=row["state"])


def document(chance: random.Random, number: int) -> dict[str, Any]:
    return {
        "reference": f"PO-{number}",
        "amount": chance.choice((Decimal("10.00"), Decimal("20.00"), Decimal("10.00"), None)),
        "currency": chance.choice(("USD", "USD", "USD", "EUR")),
        "state": chance.choice(("open", "open", "cancelled", "")),
    }


@pytest.mark.parametrize("seed", range(4))
def test_tables_differ_where_the_rule_says_so(seed: int) -> None:
    from suture.rules.reconcile_table import reconcile_table

    chance = random.Random(seed)
    ours = [document(chance, number) for number in range(300)]
    theirs = [dict(row) for row in ours if chance.random() < 0.9]
    theirs += [document(chance, chance.randrange(400)) for _ in range(60)]
    mine, there = (ibis.memtable(pyarrow.Table.from_pylist(rows, ROWS)) for rows in (ours, theirs))
    found = {row["reference"]: row["kind"] for row in reconcile_table(mine, there).to_pyarrow().to_pylist()}
    judged = compare({row["reference"]: Ours(settled=held(row)) for row in ours}, map(held, theirs))
    assert found == {difference.reference: difference.kind for difference in judged}
    assert {"missing_there", "missing_here", "doubled"} <= set(found.values())


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"amount": Decimal("10.01")}, "different_amount"),
        ({"currency": "EUR"}, "different_amount"),
        ({"state": "paid"}, "different_state"),
    ],
)
def test_each_difference_has_its_kind(change: dict[str, Any], kind: str) -> None:
    from suture.rules.reconcile_table import reconcile_table

    row = {"reference": "PO-1", "amount": Decimal("10.00"), "currency": "USD", "state": "open"}
    mine, there = (ibis.memtable(pyarrow.Table.from_pylist([each], ROWS)) for each in (row, {**row, **change}))
    assert [each["kind"] for each in reconcile_table(mine, there).to_pyarrow().to_pylist()] == [kind]
    assert not reconcile_table(mine, mine).to_pyarrow().to_pylist()

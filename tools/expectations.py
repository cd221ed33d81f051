"""The page on silence: every expectation of the table, and how what nobody can expect is missed all the same."""

from __future__ import annotations

from suture.rules.expectations import EXPECTATIONS
from suture.rules.feeds import GAP_MINUTES

HEAD = """# What did not come

This page is generated from `suture/rules/expectations.py`, by `make docs`. Do not edit it.

A document that a partner never sent, or that was lost on its way after the partner was told that it had arrived, leaves no
trace of its own. It is missed in three ways. Each ends in an exception with its owner and what is at stake, and each
exception ends by itself when the missing word comes after all.

## 1. Something must follow

A process waits with a durable timer. The hours are those of the policy `waits`, under the name of the expectation.

| expectation | after | comes | within hours | or exception | owner | at stake |
| --- | --- | --- | --- | --- | --- | --- |
"""

TAIL = f"""
What we have sent ourselves is not among them: a delivery that nobody acknowledges is overdue by its system's own limit.

## 2. A number is missing

Partners number what they send. Where the standard has a running number it is read: ISA13 per sender and receiver in X12,
MSH-13 in HL7 v2, `ElctrncSeqNb` per account in camt.052 to camt.054, `sequence` in our own JSON, which counts as the
CloudEvents extension does: `{{"sequence": 17, "documents": [...]}}`. Files that have none inside are counted by their names
if the instance's option `file_number` is a pattern that finds it there. Master updates are messages like any other.

A number that a higher one has overtaken may be on its way; it is missing after {GAP_MINUTES} minutes, or the `gap_minutes`
of its feed. A count that is first heard near its beginning misses what came before; one that is full begins
again at 1 without a gap. A partner whose numbers jump all the time is one
exception, not many.

The last message before a silence can be missed only when something follows it. A JSON partner says `{{"sequence": 18,
"documents": []}}` when it has said all; for the others there is the third way.

## 3. A feed is silent

A feed is one channel of one instance. The policy `feeds` says what it promises:

```json
{{
  "ehr-main/charges": {{"gap_minutes": 30, "silent_minutes": 120, "from": "06:00", "to": "20:00", "worth": {{"USD": "1900"}}}},
  "supplier-alder": {{"silent_minutes": 1440, "days": [1, 2, 3, 4, 5]}},
  "supplier-birch": {{"numbered": false}}
}}
```

Times are UTC, days count from Monday, and the silence of closed hours does not count. The names are a feed, an instance, or
`*` for all others. A silence is one exception however long it lasts. It is listened for from the moment at which the policy
is published.

## What it costs

Intake keeps each count with the messages themselves. Only a message out of turn, and otherwise one of a feed in ten
minutes, is decided by the process `feeds`; the others cost no decision. `python -m prove silence` shows what is found, and
how much is a false alarm.
"""


def expectations() -> str:
    """The whole page as Markdown."""
    rows = (
        f"| `{one.name}` | {one.after} | {one.expects} | {one.hours} | {one.reason.replace('_', ' ')} | "
        f"{one.owner.replace('_', ' ')} | {one.impact} |\n"
        for one in EXPECTATIONS
    )
    return "".join([HEAD, *rows, TAIL])

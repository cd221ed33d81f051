"""What becomes of an order: changes to its lines, and what a supplier's answer would make of them."""

from __future__ import annotations

#: The version of a cancellation. It is the last word on an order and outranks the changes, which count from 1, so that whoever
#: wishes it need not know how many there were.
CANCELLATION = 1000

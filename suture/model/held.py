"""What a counterpart says that it holds: one row of its own list, to be compared with what we believe."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from suture.model.quantities import Money


class Held(Struct, frozen=True, kw_only=True):
    """One document as a counterpart holds it, or as it should: in the counterpart's codes, told as far as it is known.

    ``reference`` is our number for it, ``number`` the counterpart's own. ``lines`` are what each line says under a name of
    the connector's choice: a quantity, in an entry the amount on an account. Blank, None: not told, so not compared.
    """

    reference: str
    number: str = ""
    amount: Money | None = None
    lines: Mapping[str, Decimal] | None = None
    #: A word of the connector's choice; what is "cancelled" need not be there any more.
    state: str = ""
    #: When the counterpart made it, where it says so.
    at: datetime | None = None


class HeldSupplier(Struct, frozen=True, kw_only=True):
    """One supplier as a counterpart holds it: its own code and the fields that it tells, in the words of ``masters.suppliers``.

    They are compared and dropped: bank accounts and tax numbers are among them, so nothing is shown, not even in an error.
    """

    code: str
    fields: Mapping[str, str]

    def __repr__(self) -> str:
        return f"HeldSupplier({self.code})"

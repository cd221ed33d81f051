"""What an event owes: the deliveries that it says are to be made, whichever fact says so."""

from __future__ import annotations

from suture.journal import Event
from suture.kpis.kpi import Known, Origin
from suture.model import Decided, Document, MessageReceived, Owed, Ref, Repaired

#: The facts that say what is owed.
OWING: tuple[type[Document], ...] = (Decided, MessageReceived, Repaired)


def owed(event: Event) -> tuple[Owed, ...]:
    """The deliveries that are owed from this event on."""
    data = event.data
    return data.owes if isinstance(data, Decided | MessageReceived | Repaired) else ()


def whose(document: Ref, event: Event, known: Known) -> Origin:
    """Whose a delivery is: its document's, else whose the message is that it stems from."""
    found = known.origin("Payment" if document.type == "PaymentInstruction" else document.type, document.id)
    return found if found and (found.facility or found.supplier) else known.where(event)

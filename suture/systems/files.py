"""What the file-based connectors share: a document written by a format and left in a folder under a name of its own."""

from __future__ import annotations

from collections.abc import Callable

from suture.formats import Unwritable, Write
from suture.model import Document, Finding
from suture.systems.system import Awaiting, Call, Done, Operation, Outcome, Refused, Steps
from suture.transports import Drop

#: What is to come back: (document, call) -> the reference that a later message will name, or "" for none.
Reference = Callable[[Document, Call], str]


def dropped(
    write: Write, name: Callable[[Call], str], reference: Reference, within_s: float, *, repeatable: bool = False
) -> Operation:
    """Write and drop a file; a partner's later word about ``reference`` tells whether it could read it.

    ``repeatable`` partners know a control number that they have seen: in doubt the same bytes go again (class key). For
    the others nothing is dropped again and their word is waited for (class statement).
    """

    def outcome(document: Document, call: Call) -> Outcome:
        expected = reference(document, call)
        return Awaiting(reference=expected, within_s=within_s) if expected else Done(reference=str(call.stamp.number))

    def send(document: Document, call: Call) -> Steps:
        try:
            body = write(document, call.profile, call.stamp)
        except Unwritable as error:
            return Refused(reason=str(error), findings=(Finding(code="unwritable", text=str(error)),))
        yield Drop(name=name(call), body=body)
        return outcome(document, call)

    def probe(document: Document, call: Call) -> Steps:
        yield from ()  # only the partner's own word can tell
        return outcome(document, call)

    if repeatable:
        return Operation(send=send, outcome="key", numbered=True)
    return Operation(send=send, outcome="statement", probe=probe)


def handed_over(name: Callable[[Call], str]) -> Operation:
    """Drop the bytes of an acknowledgement; the same name and bytes again change nothing."""

    def send(document: Document, call: Call) -> Steps:
        yield Drop(name=name(call), body=call.body)
        return Done(reference=str(call.stamp.number))

    return Operation(send=send, outcome="key")

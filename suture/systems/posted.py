"""What connectors share that post a file over HTTP and read the partner's answers from a numbered archive."""

from __future__ import annotations

from collections.abc import Callable, Generator

from suture.formats import Unwritable, Write
from suture.model import Document, Finding
from suture.systems.files import Reference
from suture.systems.rest import BARRED, outcome_of
from suture.systems.system import Again, Awaiting, Call, Done, Operation, Outcome, Refused, Steps
from suture.transports import Http, HttpReply, NoReply, NotSent, Reply, Request

#: What one poll reads at most; the next poll goes on from there.
MOST = 150
Asked = Generator[Request, Reply, tuple[tuple[bytes, ...], str]]
#: One post: None for a yes.
Posting = Generator[Request, Reply, Outcome | None]
#: What to keep of one archived message: its bytes, or None for what is not meant for us.
Take = Callable[[HttpReply, Call], bytes | None]


def posted(
    write: Write, path: str, media_type: str, reference: Reference, within_s: float, *, repeatable: bool = False
) -> Operation:
    """Write a file and post it; the partner's later word about ``reference`` tells whether it could read it.

    The option ``post`` of the instance overrides the path. ``repeatable`` partners know a control number that they have
    seen: in doubt the same bytes go again (class key). For the others nothing is posted again and their word is waited for
    (class statement).
    """

    def awaited(document: Document, call: Call) -> Outcome:
        expected = reference(document, call)
        return Awaiting(reference=expected, within_s=within_s) if expected else Done(reference=str(call.stamp.number))

    def send(document: Document, call: Call) -> Steps:
        try:
            body = write(document, call.profile, call.stamp)
        except Unwritable as error:
            return Refused(reason=str(error), findings=(Finding(code="unwritable", text=str(error)),))
        refused = yield from _post(body, path, media_type, call, report_follows=True)
        return refused or awaited(document, call)

    def probe(document: Document, call: Call) -> Steps:
        yield from ()  # only the partner's own word can tell
        return awaited(document, call)

    if repeatable:
        return Operation(send=send, outcome="key", numbered=True)
    return Operation(send=send, outcome="statement", probe=probe)


def acknowledging(path: str, media_type: str) -> Operation:
    """Post the bytes of an acknowledgement; a partner that sees it twice takes the second for a repeat."""

    def send(document: Document, call: Call) -> Steps:
        refused = yield from _post(call.body, path, media_type, call)
        return refused or Done(reference=str(call.stamp.number))

    return Operation(send=send, outcome="key")


def _post(body: bytes, path: str, media_type: str, call: Call, *, report_follows: bool = False) -> Posting:
    """What the answer means where it is no plain yes; where a report follows, a 422 is a reading that the report tells better."""
    headers = {"content-type": media_type}
    reply = yield Http(method="POST", path=call.options.get("post", path), body=body, headers=headers)
    assert isinstance(reply, HttpReply)
    if 200 <= reply.status < 300 or (reply.status == 422 and report_follows):
        return None
    if reply.status in (*BARRED, 404, 405):
        return Again(reason=f"HTTP {reply.status}: address or credentials are wrong")
    return outcome_of(reply)


def archive(path: str, take: Take) -> Callable[[str, Call], Asked]:
    """Read ``path``/1, /2, ... from after the cursor until one is not there.

    Reading takes nothing away, and the cursor is moved only after what was read is in the journal: a lost answer, or a
    crash, costs a second reading and no message. The option ``archive`` of the instance overrides the path.
    """

    def ask(cursor: str, call: Call) -> Asked:
        number, kept = int(cursor or "0"), []
        while number < int(cursor or "0") + MOST:
            try:
                reply = yield Http(method="GET", path=f"{call.options.get('archive', path)}/{number + 1}")
            except (NotSent, NoReply):
                break
            if not isinstance(reply, HttpReply) or reply.status != 200:
                break
            number += 1
            if (raw := take(reply, call)) is not None:
                kept.append(raw)
        return tuple(kept), str(number)

    return ask

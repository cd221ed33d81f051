"""What can go wrong with a call, each with a code, a class and what the client is to do: problem details (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from msgspec import Struct

from suture.gateway.operation import Class


class Fault(Struct, frozen=True):
    """A kind of problem: its status, whether the same call may be sent again, and the client's next step."""

    status: int
    of: Class
    title: str
    action: str


_MEND, _LATER = "mend the request and send it under a new Idempotency-Key", "send the same again after Retry-After seconds"

#: Every problem that an operation can answer, by its code; ``type`` on the wire is "urn:suture:problem:CODE".
FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        "malformed": Fault(400, "permanent", "The request cannot be read", _MEND),
        "bad-parameter": Fault(400, "permanent", "A parameter is not what it should be", "correct the parameter that is named"),
        "no-key": Fault(400, "permanent", "There is no Idempotency-Key", "make a key for this request, and send it with it"),
        "unproven": Fault(401, "permanent", "Nobody knows who calls", "prove who you are as WWW-Authenticate says"),
        "forbidden": Fault(403, "permanent", "This caller may not do this", "ask the owner of the operation for the permission"),
        "no-instance": Fault(
            403, "permanent", "This caller speaks for no system", "have your identity bound to an instance of the network"
        ),
        "not-found": Fault(404, "permanent", "There is nothing of that name for you", "check the identifier"),
        "no-operation": Fault(404, "permanent", "There is no such operation", "see /api/docs for those that you may call"),
        "method": Fault(405, "permanent", "The address does not take this method", "use a method that Allow names"),
        "too-slow": Fault(408, "retryable", "The request did not come whole in time", "send the same again"),
        "in-progress": Fault(409, "retryable", "A request with this key is being worked on", _LATER),
        "gone": Fault(410, "permanent", "This version has ended", "call the version that Link names as its successor"),
        "stale": Fault(412, "permanent", "It has changed since you looked", "look again, then decide on what you see"),
        "too-large": Fault(413, "permanent", "The request is too large", "send it in smaller ones"),
        "media-type": Fault(415, "permanent", "The request is not JSON", "send application/json, plain or gzip"),
        "unacceptable": Fault(422, "permanent", "The document cannot be taken as it is", _MEND),
        "key-reused": Fault(
            422, "permanent", "This key stands for another request", "use a new Idempotency-Key for a new request"
        ),
        "too-many": Fault(429, "retryable", "More calls than agreed", _LATER),
        "failed": Fault(
            500,
            "unknown outcome",
            "Something failed on our side",
            "send the same again with the same Idempotency-Key: it is taken once, however often it comes",
        ),
        "busy": Fault(503, "retryable", "Not now", _LATER),
        "no-answer": Fault(
            504,
            "unknown outcome",
            "The answer did not come in time",
            "send the same again with the same Idempotency-Key: it is taken once, however often it comes",
        ),
    }
)


class Wrong(Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong with what was sent: a code, where (a JSON path or a parameter), and why."""

    code: str
    text: str
    path: str = ""


class ProblemDetails(Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"of": "class"}):
    """A problem as it is told (RFC 9457), with three members of ours: code, class and action."""

    type: str
    title: str
    status: int
    code: str
    of: Class
    action: str
    detail: str = ""
    instance: str = ""
    errors: tuple[Wrong, ...] = ()


class Problem(Exception):
    """A call that ends without what was asked for; raises KeyError when it is made with a code that is not in ``FAULTS``."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        errors: Sequence[Wrong] = (),
        headers: Mapping[str, str] | None = None,
        wait_s: float = 0.0,
    ) -> None:
        super().__init__(code)
        self.code, self.detail, self.errors, self.fault = code, detail, tuple(errors), FAULTS[code]
        self.headers = dict(headers or {})
        if wait_s or self.fault.of == "retryable":
            self.headers.setdefault("Retry-After", str(max(1, round(wait_s))))

    def details(self, instance: str) -> ProblemDetails:
        """The body of the answer; ``instance`` is the path that was called."""
        return ProblemDetails(
            type=f"urn:suture:problem:{self.code}",
            title=self.fault.title,
            status=self.fault.status,
            code=self.code,
            of=self.fault.of,
            action=self.fault.action,
            detail=self.detail,
            instance=instance,
            errors=self.errors,
        )


def told(codes: Sequence[str]) -> dict[int, list[tuple[str, Fault]]]:
    """These problems by status, as documentation lists them."""
    by: dict[int, list[tuple[str, Fault]]] = {}
    for code in codes:
        by.setdefault(FAULTS[code].status, []).append((code, FAULTS[code]))
    return by

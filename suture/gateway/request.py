"""One request as the gateway reads it: its address, headers, parameters and body, each within bounds."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import re
import secrets
import zlib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any, get_args, get_type_hints
from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec
from msgspec import Struct
from starlette.types import Receive, Scope

from suture.formats.scalars import decimal
from suture.gateway.limits import Limits
from suture.gateway.operation import Operation
from suture.gateway.problem import Problem, Wrong
from suture.transports.http_protocol import certificate_of

_KEY = re.compile(r'"([A-Za-z0-9._~:+=@-]{1,128})"|([A-Za-z0-9._~:+=@-]{1,128})')
#: version-traceid-parentid-flags (W3C Trace Context, level 1, section 3.2); all zeros name nothing.
#: So many preferences are read.
PREFERENCES_MOST = 20
_TRACE = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_JSON = re.compile(r"application/(?:[\w.+-]+\+)?json\s*(?:;.*)?", re.IGNORECASE)
#: The longest value of a parameter, in characters.
VALUE_MOST = 256
#: Parameters that every operation takes, or every paged one.
COMMON, PAGING = ("mock",), ("after", "limit")


class Gone(Exception):
    """The caller hung up; nobody is there to be told."""


class Incoming(Struct, frozen=True, kw_only=True):
    """The head of a request; header names are lower case, ``segments`` the decoded parts of the path."""

    method: str
    path: str
    segments: tuple[str, ...]
    query: str
    headers: Mapping[str, str]
    address: str
    scheme: str
    trace: str
    #: What goes back as traceparent: the caller's trace, and a span of our own.
    traceparent: str
    #: The client certificate (DER) that TLS has verified.
    certificate: bytes | None = None

    @property
    def url(self) -> str:
        """What was asked for, without the query."""
        return f"{self.scheme}://{self.headers.get('host', '')}{self.path}"


def _headers(sent: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """By name; one that comes twice holds both (RFC 9110 section 5.2), so that two proofs or lengths are none."""
    headers: dict[str, str] = {}
    for raw, value in sent:
        name, text = raw.decode("latin-1"), value.decode("latin-1")
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    return headers


def incoming(scope: Scope) -> Incoming:
    """The head of a request; raises Problem for a path that is no UTF-8."""
    headers = _headers(scope["headers"])
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    trace, flags = _trace(headers.get("traceparent", ""))
    try:
        segments = tuple(unquote_to_bytes(part).decode("utf-8") for part in raw.split(b"/")[1:])
    except UnicodeDecodeError:
        raise Problem("malformed", "The path is not UTF-8.") from None
    return Incoming(
        certificate=certificate_of(scope),
        method=scope["method"],
        path=raw.decode("latin-1"),
        segments=segments,
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        address=scope["client"][0] if scope.get("client") else "",
        scheme=scope["scheme"],
        trace=trace,
        traceparent=f"00-{trace}-{_names().next(8)}-{flags}",
    )


class _Names:
    """Hexadecimal names that nobody has given before: random at the beginning of the process, counted from there.

    The system's own random numbers, asked for at each call, cost more than the rest of reading it.
    """

    def __init__(self) -> None:
        self._seed, self._count = secrets.token_bytes(16), itertools.count()

    def next(self, size: int) -> str:
        """A name of so many bytes, twice as many digits."""
        return hashlib.blake2s(str(next(self._count)).encode(), digest_size=size, key=self._seed).hexdigest()


@cache
def _names() -> _Names:
    return _Names()


def _trace(said: str) -> tuple[str, str]:
    found = _TRACE.fullmatch(said)
    return (found[1], found[2]) if found else (_names().next(16), "00")


def preferences(request: Incoming) -> dict[str, str]:
    """What the caller would like (RFC 7240 section 2): names and values without parameters; the first of a name counts."""
    found: dict[str, str] = {}
    for said in request.headers.get("prefer", "").split(",", PREFERENCES_MOST)[:PREFERENCES_MOST]:
        name, _, value = said.partition(";")[0].partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found


def patience_of(request: Incoming) -> int | None:
    """The whole seconds that the caller is willing to wait (RFC 7240 section 4.3); None if it does not say."""
    said = preferences(request).get("wait", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 7 else None


def key_of(request: Incoming) -> str:
    """The Idempotency-Key (draft-ietf-httpapi-idempotency-key-header), quoted or plain; raises Problem."""
    said = request.headers.get("idempotency-key", "").strip()
    if not said:
        raise Problem("no-key", "This operation changes something: send an Idempotency-Key that is new for each request.")
    found = _KEY.fullmatch(said)
    if found is None:
        raise Problem("no-key", "An Idempotency-Key has 1 to 128 letters, digits or any of . _ ~ : + = @ -")
    return found[1] or found[2]


# -- parameters


class Parameters(Struct, frozen=True):
    """The parameters of a call: those of the operation, and those that every one takes."""

    asked: Any
    after: str
    limit: int
    mock: bool


class Reader:
    """Reads the parameters of one operation; what may be read is known from its declaration."""

    def __init__(self, operation: Operation, limits: Limits) -> None:
        self.operation, self.limits = operation, limits
        fields = msgspec.structs.fields(operation.asks)
        hints = get_type_hints(operation.asks)
        self._names = {field.name for field in fields}
        self._decimals = {name for name, hint in hints.items() if Decimal in (hint, *get_args(hint))}
        self._known = self._names - set(operation.names) | set(COMMON) | set(PAGING if operation.paged else ())

    def read(self, named: Mapping[str, str], query: str) -> Parameters:
        """Raises Problem with everything that is wrong."""
        given = self._query(query)
        values = {**{name: value for name, value in given.items() if name in self._names}, **named}
        wrong = [fault for name, value in {**given, **named}.items() if (fault := self._fault(name, value))]
        if wrong:
            raise Problem("bad-parameter", errors=wrong)
        return Parameters(self._asked(values), given.get("after", ""), self._limit(given), _yes(given.get("mock")))

    def _query(self, query: str) -> dict[str, str]:
        if len(query) > self.limits.query:
            raise Problem("bad-parameter", f"A query may have {self.limits.query} characters.")
        try:
            pairs = parse_qsl(query, True, strict_parsing=bool(query), errors="strict", max_num_fields=self.limits.parameters)
        except ValueError:
            raise Problem("bad-parameter", "The query is name=value, joined by &, in percent-encoded UTF-8.") from None
        unknown = [Wrong("unknown", "there is no such parameter", name[:64]) for name, _ in pairs if name not in self._known]
        given = dict(pairs)
        if unknown or len(given) < len(pairs):
            raise Problem("bad-parameter", "" if unknown else "A parameter may be given once.", errors=unknown)
        return given

    def _fault(self, name: str, value: str) -> Wrong | None:
        if not value and name in self.operation.names:
            return Wrong("empty", "it may not be empty", name)
        if len(value) > VALUE_MOST or _CONTROL.search(value):
            return Wrong("value", f"at most {VALUE_MOST} characters, none of them a control character", name)
        if name in self._decimals:
            try:
                decimal(value)
            except ValueError as error:
                return Wrong("value", str(error), name)
        return None

    def _asked(self, values: Mapping[str, str]) -> Any:
        try:
            return msgspec.convert(dict(values), self.operation.asks, strict=False)
        except msgspec.ValidationError as error:
            text, _, path = str(error).partition(" - at `$.")
            # what was sent is not told again: nobody knows whose number it is
            plain = text.replace("`", "").partition(" '")[0]
            raise Problem("bad-parameter", errors=(Wrong("value", plain, path.rstrip("`")),)) from None

    def _limit(self, given: Mapping[str, str]) -> int:
        said = given.get("limit", "50")
        if not (said.isascii() and said.isdecimal() and len(said) < 6 and 1 <= int(said) <= self.limits.page):
            raise Problem("bad-parameter", errors=(Wrong("value", f"a whole number from 1 to {self.limits.page}", "limit"),))
        return int(said)


def _yes(said: str | None) -> bool:
    return said is not None and said.lower() not in ("false", "0", "no")


# -- the body


async def body_of(request: Incoming, receive: Receive, limits: Limits) -> bytes:
    """The whole body, unpacked; raises Problem, and Gone if the caller hung up."""
    if not _JSON.fullmatch(request.headers.get("content-type", "").strip()):
        raise Problem("media-type", "Send application/json.")
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", "gzip"):
        raise Problem("media-type", "Send it plain, or packed with gzip.", headers={"Accept-Encoding": "gzip"})
    try:
        async with asyncio.timeout(limits.body_s):
            raw = await _whole(request, receive, limits.body)
    except TimeoutError:
        raise Problem("too-slow", f"It did not come whole within {limits.body_s:.0f} seconds.") from None
    return _unpacked(raw, limits.unpacked) if coding == "gzip" else raw


async def _whole(request: Incoming, receive: Receive, most: int) -> bytes:
    """What is over the limit is read on for as much again, for a caller cut off while it writes may never see the answer."""
    declared = request.headers.get("content-length", "0")
    if not (declared.isascii() and declared.isdecimal() and len(declared) < 20):
        raise Problem("malformed", "Content-Length is not the number of bytes sent.")
    if int(declared) > 2 * most:
        raise _too_large(most)
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        piece: bytes = message.get("body", b"")
        size += len(piece)
        if size <= most:
            pieces.append(piece)
        if not message.get("more_body", False) or size > 2 * most:
            break
    if size > most:
        raise _too_large(most)
    return b"".join(pieces)


def _unpacked(raw: bytes, most: int) -> bytes:
    opened = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        plain = opened.decompress(raw, most + 1)
    except zlib.error:
        raise Problem("malformed", "The body is not gzip.") from None
    if len(plain) > most:
        raise _too_large(most)
    if not opened.eof or opened.unused_data:
        raise Problem("malformed", "The body is not one whole gzip member.")
    return plain


def _too_large(most: int) -> Problem:
    return Problem("too-large", f"A request may have {most:,} bytes.", headers={"Connection": "close"})


def matches(etag: str, said: str) -> bool:
    """Whether If-Match or If-None-Match names this ETag; weak comparison (RFC 9110 section 8.8.3.2)."""
    plain = etag.removeprefix("W/")
    return said.strip() == "*" or any(each.strip().removeprefix("W/") == plain for each in said.split(","))


def links(*said: tuple[str, str]) -> str:
    """A Link header (RFC 8288)."""
    return ", ".join(f'<{target}>; rel="{relation}"' for target, relation in said)

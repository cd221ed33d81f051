"""What applications beside the operations share: reading a small JSON request, and answering with JSON."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from suture.gateway.problem import Problem, Wrong

#: The largest request, in bytes.
LARGEST = 16 * 1024


async def body(scope: Scope, receive: Receive) -> bytes:
    """The whole request; raises Problem for another media type, one that is too large, and one that broke off."""
    kind = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    if not kind.lower().startswith(b"application/json"):
        raise Problem("media-type")
    whole = bytearray()
    while True:
        piece = await receive()
        if piece["type"] == "http.disconnect":
            raise Problem("malformed", "The request broke off.")
        whole += piece.get("body", b"")
        if len(whole) > LARGEST:
            raise Problem("too-large")
        if not piece.get("more_body"):
            return bytes(whole)


def read(body: bytes, kind: type[Any]) -> Any:
    """The request as a Struct; raises Problem with what is wrong."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise Problem("unacceptable", errors=[Wrong(code="wrong_field", text=str(error))]) from None
    except msgspec.DecodeError:
        raise Problem("malformed", "The body is not JSON.") from None


async def say(send: Send, status: int, value: Any) -> None:
    """Answer with a value as JSON that nobody keeps."""
    content = msgspec.json.encode(value)
    headers = [
        (b"content-type", b"application/json"),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"content-length", str(len(content)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})

"""Transports bring bytes in and out: framing, acknowledgement and files, without knowing what the bytes mean."""

from suture.transports.exchange import (
    Accept,
    Answer,
    Arrival,
    Collision,
    Drop,
    Http,
    HttpReply,
    Link,
    NoReply,
    NotSent,
    Reply,
    Request,
    Say,
    Taken,
)

__all__ = [
    "Accept",
    "Answer",
    "Arrival",
    "Collision",
    "Drop",
    "Http",
    "HttpReply",
    "Link",
    "NoReply",
    "NotSent",
    "Reply",
    "Request",
    "Say",
    "Taken",
]

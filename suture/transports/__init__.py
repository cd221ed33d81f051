"""Transports bring bytes in and out: framing, acknowledgement and files, without knowing what the bytes mean."""

from suture.transports.exchange import (
    Answer,
    Arrival,
    Drop,
    Http,
    HttpReply,
    NoReply,
    NotSent,
    Reply,
    Request,
    Say,
    Taken,
)

__all__ = [
    "Answer",
    "Arrival",
    "Drop",
    "Http",
    "HttpReply",
    "NoReply",
    "NotSent",
    "Reply",
    "Request",
    "Say",
    "Taken",
]

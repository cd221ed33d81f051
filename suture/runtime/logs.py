"""Logs: one line for each thing that operations should know, as text or as JSON, and never what a message holds.

Normal operation says nothing. Where something failed, its kind and the place in our code are told, not its words: those may quote
what was being read.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO

import msgspec

#: Letters of one line's text at most, and places of a failure that are told, the innermost.
TEXT_MOST, PLACES_MOST = 500, 6
#: Names that a message gives its arguments: "operation=%s ms=%.1f".
_NAMED = re.compile(r"(\w+)=%")

Failure = tuple[type[BaseException], BaseException, TracebackType | None]


class Lines(logging.Formatter):
    """Text for people: when, how grave, who says it, what."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        told = f"{_at(record):%Y-%m-%dT%H:%M:%SZ} {record.levelname.lower()} {record.name}: {_text(record)}"
        return told + (f" ({', '.join(failed(record))})" if _failure(record) else "")


class JsonLines(logging.Formatter):
    """One JSON object a line: ``at``, ``level``, ``logger``, ``text``, ``fields`` that a message names, and what ``failed``."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        told: dict[str, object] = {"at": _at(record), "level": record.levelname.lower(), "logger": record.name}
        told["text"] = _text(record)
        if fields := fields_of(record):
            told["fields"] = fields
        if _failure(record):
            told["failed"] = failed(record)
        return msgspec.json.encode(told).decode()


@contextlib.contextmanager
def written(style: str, stream: TextIO | None = None) -> Iterator[None]:
    """Write what our own code logs to a stream (standard error): ``text`` tells people what went wrong, ``json`` everything."""
    handler, ours = logging.StreamHandler(stream or sys.stderr), logging.getLogger("suture")
    handler.setFormatter(JsonLines() if style == "json" else Lines())
    before = ours.level, ours.propagate
    ours.addHandler(handler)
    ours.setLevel(logging.INFO if style == "json" else logging.WARNING)
    # whoever is above would print the words of a failure, too
    ours.propagate = False
    try:
        yield
    finally:
        ours.removeHandler(handler)
        ours.setLevel(before[0])
        ours.propagate = before[1]


def fields_of(record: logging.LogRecord) -> dict[str, object]:
    """The arguments that a message names, as data."""
    names = _NAMED.findall(str(record.msg))
    arguments = record.args if isinstance(record.args, tuple) else ()
    if len(names) != len(arguments):
        return {}
    plain = (value if isinstance(value, int | float) else str(value)[:TEXT_MOST] for value in arguments)
    return dict(zip(names, plain, strict=True))


def failed(record: logging.LogRecord) -> list[str]:
    """What kind of failure it was, and where in the code, the innermost place last; none of its words."""
    failure = _failure(record)
    if failure is None:
        return []
    kind, _, trace = failure
    frames = traceback.extract_tb(trace)[-PLACES_MOST:]
    return [kind.__name__, *(f"{frame.filename.rpartition('/suture/')[2] or frame.name}:{frame.lineno}" for frame in frames)]


def _failure(record: logging.LogRecord) -> Failure | None:
    info = record.exc_info
    return (info[0], info[1], info[2]) if info and info[0] is not None and info[1] is not None else None


def _text(record: logging.LogRecord) -> str:
    return record.getMessage().replace("\n", " ")[:TEXT_MOST]


def _at(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)

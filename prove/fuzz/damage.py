"""Damage to messages: what wires, disks, spreadsheets and enemies do to bytes, in full lists and by seeded chance."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from random import Random

#: Of one message at most so many places are cut, flipped or replaced.
MOST_PLACES = 2_000
#: Bytes at the beginning of a message of which every single bit is flipped.
WINDOW = 192
#: Random inputs are cut here, so that a run of a million ends.
LONGEST = 64 * 1024

_TOKEN = re.compile(rb"[0-9A-Za-z][0-9A-Za-z.:+-]*")
_NUMBER = re.compile(rb"[0-9]+(?:\.[0-9]+)?")
_BREAKS = re.compile(rb"(?<=[~\r\n>}|;])")

NUMBERS: Sequence[bytes] = (
    b"1e1000000",
    b"-1E-1000000",
    b"9" * 100_000,
    b"0." + b"0" * 5_000 + b"1",
    b"NaN",
    b"-Infinity",
    b"1_000",
    b"0x10",
    b"+-1",
    b".",
    b"",
    b"99999999",
    b"00000000",
    b"20260230",
    b"2460",
    b"235960",
    b"0001-01-01T00:00:00+14:00",
    b"9999-12-31T23:59:59-12:00",
    b"999999999999999999.999999999",
    "\u0661\u0662\u0663\u00b2\u2460".encode(),
)
FIELDS: Sequence[bytes] = (
    b"A" * 100_000,
    b"\0",
    b"\x1b$B",
    b"\xff\xfe\xfd",
    b"\xed\xa0\x80",
    "\ufeff\u202e\U0001f489\u2028".encode(),
    b"\\X4D53480D\\\\",
    b"&lt;&#0;&#xD800;&amp;",
    b"\\ud800\\u0000",
    b'""""',
    b"<![CDATA[]]>",
    b"..//..\\",
    b"%s%n{}${}",
    b"=cmd|' /C calc'!A0",
)


def listed(message: bytes, others: Sequence[bytes]) -> Iterator[bytes]:
    """All damage that has a list: cuts, single bits, splices with other messages, repeats, values, character sets."""
    yield message
    yield from (message[:end] for end in _spread(len(message)))
    yield from (message[start:] for start in _spread(len(message), 50))
    yield from _flipped(message)
    yield from _spliced(message, others)
    yield from _repeated(message)
    yield from _replaced(message, _NUMBER, NUMBERS, 40)
    yield from _replaced(message, _TOKEN, FIELDS, 25)
    yield from _recoded(message)


def _spread(size: int, most: int = MOST_PLACES) -> range:
    return range(0, size, max(1, size // most))


def _flipped(message: bytes) -> Iterator[bytes]:
    places = [*range(min(WINDOW, len(message))), *_spread(len(message), 500)]
    for place in places:
        for bit in range(8):
            yield message[:place] + bytes([message[place] ^ 1 << bit]) + message[place + 1 :]


def _spliced(message: bytes, others: Sequence[bytes]) -> Iterator[bytes]:
    for other in others[:12]:
        for tenth in range(1, 10):
            yield message[: len(message) * tenth // 10] + other[len(other) * tenth // 10 :]
        yield message + other
        yield message + b"\0" + other


def _repeated(message: bytes) -> Iterator[bytes]:
    pieces = _BREAKS.split(message)
    yield message * 3
    yield b"".join(reversed(pieces))
    for place in _spread(len(pieces), 60):
        before, piece, after = b"".join(pieces[:place]), pieces[place], b"".join(pieces[place + 1 :])
        yield before + after
        yield from (before + piece * times + after for times in (2, 50, min(3_000, 200_000 // (len(piece) + 1))))


def _replaced(message: bytes, what: re.Pattern[bytes], values: Sequence[bytes], most: int) -> Iterator[bytes]:
    places = [found.span() for found in what.finditer(message)]
    for start, end in places[:: max(1, len(places) // most)]:
        yield from (message[:start] + value + message[end:] for value in values)


def _recoded(message: bytes) -> Iterator[bytes]:
    text = message.decode("utf-8", "replace")
    for charset in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "cp037", "iso2022_jp"):
        yield text.encode(charset, "replace")
    for mark in (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE):
        yield mark + message
        yield mark * 2 + message
    for place in _spread(len(message), 40):
        for bad in (b"\0", b"\xc3", b"\xff", b"\xf4\x90\x80\x80", b"\x1c\r\x0b"):
            yield message[:place] + bad + message[place:]


def chance(messages: Sequence[bytes], name: str, first: int = 0) -> Iterator[bytes]:
    """Without end: a message with one to six random damages. The input of a number is the same in every run."""
    number = first
    while True:
        engine = Random(f"{name}/{number}")
        damaged = bytearray(engine.choice(messages)[:LONGEST])
        for _ in range(min(engine.randint(1, 6), engine.randint(1, 6))):
            engine.choice(_DAMAGES)(damaged, engine, messages)
        yield bytes(damaged[: 2 * LONGEST])
        number += 1


def _flip(message: bytearray, engine: Random, messages: Sequence[bytes]) -> None:
    if message:
        message[engine.randrange(len(message))] ^= 1 << engine.randrange(8)


def _set(message: bytearray, engine: Random, messages: Sequence[bytes]) -> None:
    if message:
        message[engine.randrange(len(message))] = engine.choice(b"\0\t\r\n\x0b\x1c\x7f\xff0919AZaz -+.,;:*~^|\\&<>\"'/=[]{}()#%_")


def _insert(message: bytearray, engine: Random, messages: Sequence[bytes]) -> None:
    place = engine.randint(0, len(message))
    message[place:place] = bytes(engine.randrange(256) for _ in range(engine.randint(1, 8)))


def _cut(message: bytearray, engine: Random, messages: Sequence[bytes]) -> None:
    start = engine.randint(0, len(message))
    del message[start : start + engine.randint(1, 1 + len(message) // 4)]


def _double(message: bytearray, engine: Random, messages: Sequence[bytes]) -> None:
    start = engine.randint(0, len(message))
    piece = message[start : start + engine.randint(1, 80)]
    message[start:start] = piece * engine.choice((1, 1, 2, 20, 200))


def _splice(message: bytearray, engine: Random, messages: Sequence[bytes]) -> None:
    other = engine.choice(messages)[:LONGEST]
    start = engine.randint(0, len(other))
    place = engine.randint(0, len(message))
    message[place : place + engine.choice((0, 10, 1 << 20))] = other[start : start + engine.choice((20, 200, 1 << 20))]


def _segments(message: bytearray, engine: Random, messages: Sequence[bytes]) -> None:
    """Whole segments, lines or elements are lost, doubled or moved."""
    pieces = _BREAKS.split(bytes(message))
    for _ in range(engine.randint(1, 3)):
        piece = pieces[engine.randrange(len(pieces))]
        pieces.insert(engine.randint(0, len(pieces)), piece)
        if engine.random() < 0.6:
            del pieces[engine.randrange(len(pieces))]
    message[:] = b"".join(pieces)


def _value(message: bytearray, engine: Random, messages: Sequence[bytes]) -> None:
    """A number or a word becomes another one, out of this message or out of the lists."""
    found = list(islice(_TOKEN.finditer(message), 400))
    if found:
        start, end = engine.choice(found).span()
        other = bytes(message[slice(*engine.choice(found).span())])
        value = engine.choice(
            (other, engine.choice(NUMBERS), engine.choice(FIELDS), b"%d" % engine.choice((-1, 0, 10**12, 2**63)))
        )
        message[start:end] = value if engine.random() < 0.1 else value[:2_000]


_DAMAGES: Sequence[Callable[[bytearray, Random, Sequence[bytes]], None]] = (
    _flip,
    _flip,
    _set,
    _set,
    _insert,
    _cut,
    _double,
    _splice,
    _segments,
    _value,
    _value,
)

"""The check of one export from its first byte to its last, and the report of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from verifier import reading
from verifier.books import Balance, Books
from verifier.chain import Chain, fingerprint, public_key
from verifier.findings import Finding, Findings
from verifier.reading import Broken, Checkpoint, Header, Json, Malformed, NotAnExport


@dataclass(frozen=True, slots=True)
class Report:
    """What was checked and what is wrong; ``key_given`` is whether the key came from elsewhere than the file."""

    header: Header
    events: int
    last: int
    head: str
    checkpoints: int
    signatures_valid: int
    checkpoints_matched: int
    anchors_matched: int
    key_fingerprint: str
    key_given: bool
    balance: Balance
    findings: tuple[Finding, ...]
    counts: Mapping[str, int]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.counts

    def as_json(self) -> Json:
        """The report as data."""
        return {"sound": self.sound, **asdict(self)}


def verify(stream: BinaryIO, key: Ed25519PublicKey | None = None, anchors: Mapping[int, str] | None = None) -> Report:
    """Check an export in a seekable stream, in two passes (the checkpoints, then everything in order).

    ``key`` is the hospital's public key, obtained from the hospital: without it the one in the file is used, which only shows
    that the file agrees with itself. ``anchors`` are heads of the chain by position that were kept elsewhere. Raises
    NotAnExport if there is nothing to check or no key to check it with; whatever is wrong with an export is in the report.
    """
    findings = Findings()
    header = _header(stream)
    chosen = _key(header, key, findings)
    chain = Chain(_checkpoints(stream, findings), chosen, anchors or {}, findings)
    walk = _Walk(header, chain, Books(findings), findings)
    walk.through(stream)
    return Report(
        header=header,
        events=walk.events,
        last=chain.position,
        head=chain.head.hex(),
        checkpoints=walk.checkpoints,
        signatures_valid=chain.valid,
        checkpoints_matched=chain.matched,
        anchors_matched=chain.anchored,
        key_fingerprint=fingerprint(chosen),
        key_given=key is not None,
        balance=walk.books.close(),
        findings=tuple(findings),
        counts=dict(findings.counts),
    )


def _header(stream: BinaryIO) -> Header:
    try:
        return reading.header_of(next(reading.lines(stream), b""))
    except Broken as error:
        raise NotAnExport(f"the first line cannot be read: {error}") from error


def _key(header: Header, given: Ed25519PublicKey | None, findings: Findings) -> Ed25519PublicKey:
    if given is None and not header.public_key:
        raise NotAnExport("the file names no public key: pass the hospital's with --public-key")
    try:
        named = public_key(header.public_key.encode()) if header.public_key else None
    except ValueError as error:
        if given is None:
            raise NotAnExport(f"the public key in the header is damaged: {error}") from error
        findings.add("key.damaged", 0, f"the public key in the header is damaged: {error}")
        named = None
    if given is not None and named is not None and fingerprint(given) != fingerprint(named):
        findings.add("key.other", 0, "the header names another public key than the one that was given")
    chosen = given or named
    assert chosen is not None
    return chosen


def _checkpoints(stream: BinaryIO, findings: Findings) -> list[Checkpoint]:
    """The first pass; what cannot be read on is reported by the second."""
    found = []
    try:
        for line in reading.lines(stream):
            if line.startswith(reading.CHECKPOINT):
                found.append(reading.checkpoint_of(line))
    except Malformed as error:
        findings.add("checkpoint.unreadable", 0, f"a checkpoint cannot be read: {error}")
    except Broken:
        pass
    return found


class _Walk:
    """The second pass: every line in its place, every event into chain and books, and the trailer compared with both."""

    def __init__(self, header: Header, chain: Chain, books: Books, findings: Findings) -> None:
        self.header, self.chain, self.books, self.findings = header, chain, books, findings
        self.events, self.checkpoints, self.first = 0, 0, 0
        self._sha256 = hashlib.sha256()

    def through(self, stream: BinaryIO) -> None:
        """The whole file."""
        ended = b""
        try:
            for number, line in enumerate(reading.lines(stream), 1):
                if ended:
                    self.findings.add("line.misplaced", 0, f"line {number} stands after the trailer")
                    break
                ended = self._line(number, line)
        except Broken as error:
            self.findings.add("file.broken", self.chain.position, f"after this the file cannot be read: {error}")
        self.chain.end()
        self._trailer(ended)
        self._covered()

    def _line(self, number: int, line: bytes) -> bytes:
        """Take one line in; returns it if it is the trailer."""
        if line.startswith(reading.TRAILER):
            return line
        self._sha256.update(line)
        if number == 1:
            return b""
        event = reading.event_of(line)
        if event is not None:
            if self.checkpoints:
                self.findings.add("line.misplaced", event[0], f"line {number} is an event among the checkpoints")
            self.first = self.first or event[0]
            self.events += 1
            self.books.enter(*event)
            self.chain.event(*event)
        elif line.startswith(reading.CHECKPOINT):
            self.checkpoints += 1
        else:
            self.findings.add("line.unreadable", self.chain.position, f"line {number} after this is neither event nor checkpoint")
        return b""

    def _trailer(self, line: bytes) -> None:
        if not line:
            self.findings.add("trailer.missing", self.chain.position, "the file ends without its trailer: something was cut off")
            return
        expected = reading.trailer_line(self.events, self.checkpoints, self.chain.head.hex(), self._sha256.hexdigest())
        if line != expected:
            text = "the trailer's counts, head or digest are not those of the bytes before it: the file is not as it was written"
            self.findings.add("trailer.differs", 0, text)

    def _covered(self) -> None:
        header = self.header
        for what, said, is_ in (
            ("events", header.count, self.events),
            ("checkpoints", header.checkpoints, self.checkpoints),
            ("the first position", header.first, self.first),
            ("the last position", header.last, self.chain.position),
        ):
            if said != is_:
                self.findings.add("header.differs", 0, f"{what}: the header says {said}, the file has {is_}")

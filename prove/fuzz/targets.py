"""The parsers that strangers can reach, and what each owes whatever it is given: a verdict, and nothing but a verdict."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
from lxml import etree
from msgspec import Struct

from suture.extensions import found
from suture.formats import Format, Profile, Reading, Stamp, Unwritable, Verdict
from suture.formats.hl7v2 import control_id, parse_ack
from suture.formats.xml import parse
from suture.journal import MemoryJournal
from suture.journal.drafts import draft
from suture.model import Finding
from suture.runtime import intake
from suture.runtime.network import Instance, Network
from suture.runtime.wiring import Wiring
from suture.systems import Channel, System
from suture.transports import Answer, Arrival
from suture.transports.exchange import BEGINNING
from suture.transports.http_server import inbound_app
from suture.transports.mllp_frames import Frame, Frames, frame, frameable
from suture.transports.pickup import Entry, Watch, folder_for, is_plain, problem_of, shown, sidecar
from suture.transports.signatures import sign

#: What became of an input: something was read from it, all was refused with findings, or there was nothing in it to refuse.
Fate = Literal["read", "refused", "empty"]

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
STAMP = Stamp(number=1, at="2026-03-02T09:30:00Z")
_KEY = b"k" * 32
_MOST_WRITTEN = 5
_LARGEST_REAL = 256 * 1024


class Broken(AssertionError):
    """A parser gave a verdict that it may not give."""


class Target(Struct, frozen=True, kw_only=True):
    """One parser: messages of its own to damage, messages of strangers (only where they lie beside the repository), and ``run``.

    ``run(raw, number)`` returns what became of an input and how many documents were in it; ``number`` chooses among
    agreements. Whatever it raises is a failure of the parser.
    """

    name: str
    ours: Sequence[bytes]
    strangers: tuple[str, ...] = ()
    run: Callable[[bytes, int], tuple[Fate, int]]

    def real(self) -> list[bytes]:
        """Messages that nobody here wrote, smallest first; none where there are none."""
        paths = [path for pattern in self.strangers for path in SHARED.glob(pattern) if path.is_file()]
        bodies = {path.read_bytes() for path in paths if path.stat().st_size <= _LARGEST_REAL}
        return sorted(bodies, key=lambda body: (len(body), body))


#: Where strangers' messages lie, by format.
_STRANGERS: Mapping[str, tuple[str, ...]] = {
    "x12": ("x12/**/*.*",),
    "hl7v2": ("hl7v2/**/*.*",),
    "iso20022": ("bank/**/*.xml",),
    "json": ("bank/**/*.json", "ubl-peppol/**/*.json", "p2p-event-logs/**/*.json"),
    "csv": ("**/*.csv", "**/*.tsv"),
    "xml": ("ubl-peppol/**/*.xml", "cxml/**/*.xml", "bank/**/*.xml"),
}
#: Agreements under which a format is tried, besides the plain one.
_AGREED: Mapping[str, tuple[Profile, ...]] = {
    "x12": (Profile(charset="latin-1", timezone="America/Chicago", options={"usage": "P", "names": "checked"}),),
    "hl7v2": (Profile(charset="iso8859-1", timezone="Europe/Zurich", options={"unit_at": "FT1-5", "processing": "P T"}),),
    "csv": (
        Profile(charset="cp1252", timezone="Europe/Zurich", options={"decimal": ",", "date": "DD.MM.YYYY"}),
        Profile(charset="utf-16", options={"date": "excel", "delimiter": ";"}),
    ),
    "json": (Profile(timezone=""),),
    "iso20022": (Profile(timezone="Europe/Zurich", options={"debtor_name": "Trust", "debtor_account": "CH9300762011623852957"}),),
}


@cache
def targets() -> dict[str, Target]:
    """Every parser by name: each format as intake uses it, XML alone, and what frames and names messages on their way in."""
    formats = found("suture.formats", "FORMAT", Format).values()
    apart = (_xml(), _mllp(), _http(), _names())
    return {target.name: target for target in (*map(_format, formats), *apart)}


# -- formats


def _format(form: Format) -> Target:
    house = _House(form)
    ours = [sample.raw for sample in form.samples]
    return Target(name=form.name, ours=ours + house.written(ours), strangers=_STRANGERS.get(form.name, ()), run=house.run)


class _House:
    """A network with one partner who speaks one format: what is read is minimised, answered and made ready for the journal."""

    def __init__(self, form: Format) -> None:
        self.form = form
        self.read: list[Reading] = []
        channel = Channel(name="in", transport="memory", format=form.name)
        system = System(name="partner", title="", role="partner", accepts={}, channels=(channel,))
        profiles = (Profile(), *_AGREED.get(form.name, ()))
        network = Network(
            name="fuzz",
            instances=tuple(Instance(name=f"partner-{n}", system="partner", profile=agreed) for n, agreed in enumerate(profiles)),
        )
        watched = msgspec.structs.replace(form, read=self._watch)
        self.wiring = Wiring(
            MemoryJournal(_KEY), network, privacy_key=_KEY, systems={"partner": system}, formats={form.name: watched}
        )

    def _watch(self, raw: bytes, profile: Profile) -> Reading:
        """Intake survives a reader that raises; here its error must come out."""
        self.read.append(self.form.read(raw, profile))
        return self.read[-1]

    def run(self, raw: bytes, number: int) -> tuple[Fate, int]:
        instance = self.wiring.network.instances[number % len(self.wiring.network.instances)]
        profile = instance.profile
        if self.form.minimise is not None:
            self.form.minimise(raw, self.wiring.pseudonym, profile)
            self.form.read(raw, profile)
        self.read.clear()
        arrival = Arrival(instance=instance.name, channel="in", raw=raw, problem="cut" if number % 13 == 5 else "")
        message = intake.read(self.wiring, arrival, NOW)
        if not self.read:
            self.form.read(intake.minimised(self.wiring, self.form, raw, profile), profile)
            raise Broken("intake's reader failed, and reading again did not")
        draft(message.unit, _KEY)
        reading = self.read[0]
        self._acknowledge(reading, profile)
        self._write(reading, profile)
        if reading.documents:
            return "read", len(reading.documents)
        if not reading.findings and not reading.kind:
            raise Broken("neither a document, nor a finding, nor a word about what it was")
        return ("refused" if reading.findings else "empty"), 0

    def _acknowledge(self, reading: Reading, profile: Profile) -> None:
        if self.form.acknowledge is None:
            return
        for outcome in ("accepted", "refused", "busy"):
            findings = reading.findings if outcome == "refused" else ()
            answer = self.form.acknowledge(reading, Verdict(outcome=outcome, findings=findings, stamp=STAMP), profile)
            if self.form.name == "iso20022" and answer is not None:
                etree.fromstring(answer)

    def _write(self, reading: Reading, profile: Profile) -> None:
        """What was read can be written, or is refused as unwritable; what was written reads back to a document of its kind."""
        assert self.form.write is not None
        for document in reading.documents[:_MOST_WRITTEN]:
            if type(document) not in self.form.writes:
                continue
            with suppress(Unwritable):
                raw = self.form.write(document, profile, STAMP)
                again = self.form.read(raw, profile)
                if again.errors or [type(other) for other in again.documents] != [type(document)]:
                    raise Broken(f"a {type(document).__name__} was written that does not read back: {_said(again)}")

    def written(self, samples: Sequence[bytes]) -> list[bytes]:
        """What the format itself makes of its samples' documents: more messages to damage."""
        made: dict[bytes, None] = {}
        for sample in samples:
            for instance in self.wiring.network.instances:
                for document in self.form.read(sample, instance.profile).documents:
                    if self.form.write is not None and type(document) in self.form.writes:
                        with suppress(Unwritable):
                            made[self.form.write(document, instance.profile, STAMP)] = None
        return list(made)


def _said(reading: Reading) -> str:
    return "; ".join(map(str, reading.errors[:2])) or f"{len(reading.documents)} documents"


# -- XML alone


def _xml() -> Target:
    ours = [sample.raw for sample in found("suture.formats", "FORMAT", Format)["iso20022"].samples]

    def run(raw: bytes, number: int) -> tuple[Fate, int]:
        root = parse(raw)
        if isinstance(root, Finding):
            return "refused", 0
        text = etree.tostring(root)
        if b"root:" in text and b"root:" not in raw:
            raise Broken("an external entity was read")
        return "read", 1

    return Target(name="xml", ours=ours, strangers=_STRANGERS["xml"], run=run)


# -- framing, signatures, names


def _mllp() -> Target:
    samples = [sample.raw for sample in found("suture.formats", "FORMAT", Format)["hl7v2"].samples]
    answers = [b"MSH|^~\\&|A|B|C|D|20260302||ACK|9|P|2.5\rMSA|AA|M1\r", b"MSA|AE|M1|no\rERR|||207^x^HL70357|E||||why\r"]
    framed = [frame(body) for body in (*samples, *answers)]

    def run(raw: bytes, number: int) -> tuple[Fate, int]:
        step = (number % 61) + 1 if len(raw) < 10_000 else 1 + len(raw) // (number % 61 + 2)
        whole, pieces = _cut(raw, len(raw) or 1), _cut(raw, step)
        if whole != pieces:
            raise Broken("frames depend on how the stream was cut into pieces")
        good = [received.body for received in whole if not received.problem]
        for body in good[:20]:
            parse_ack(body)
            control_id(body)
            if frameable(body) and Frames().feed(frame(body)) != [Frame(body)]:
                raise Broken("a frame did not come back as it was sent")
        return ("read" if good else "refused" if whole else "empty"), len(good)

    return Target(name="mllp", ours=[*framed, b"".join(framed), b"junk" + framed[0][:-1] + framed[1]], run=run)


def _cut(raw: bytes, step: int) -> list[Frame]:
    """The frames of a stream that comes in pieces. Noise between frames is told in as many pieces as it came in."""
    limit = 4_096
    frames = Frames(limit)
    found: list[Frame] = []
    for start in range(0, len(raw), step):
        found += frames.feed(raw[start : start + step])
        if len(frames._buffer) > limit + step + 2:
            raise Broken(f"the framing holds {len(frames._buffer)} bytes")
    found += frames.finish()
    if any(len(received.body) > max(limit, BEGINNING) for received in found):
        raise Broken("a frame over the limit")
    return [received for received in found if received.problem not in ("junk", "unterminated", "too large")]


def _http() -> Target:
    secret = "whsec_" + "Zm9yIGZ1enppbmcgb25seSwgbm8gc2VjcmV0"
    body = b'{"type":"Item","id":"A","name":"B","unit":"EA"}'
    proof = sign("msg-1", NOW, body, secret)
    heads = [
        b"/in/partner/in",
        *(f"{name}: {value}".encode() for name, value in proof.items()),
        b"content-type: application/json",
    ]
    plain = b"\n".join(heads) + b"\n\n" + body
    taken: list[bytes] = []

    async def accept(arrival: Arrival) -> Answer:
        taken.append(arrival.raw)
        return Answer(outcome="accepted")

    door = inbound_app(accept, lambda instance, channel: (secret,) if channel == "in" else None, clock=lambda: NOW, limit=65_536)
    loop = asyncio.new_event_loop()

    def run(raw: bytes, number: int) -> tuple[Fate, int]:
        taken.clear()
        status = loop.run_until_complete(_request(door, raw, number))
        if status not in (202, 400, 401, 404, 405, 408, 413, 415):
            raise Broken(f"status {status}")
        if bool(taken) != (status == 202) or any(found != body for found in taken):
            raise Broken("bytes were let in that nobody signed")
        return ("read" if taken else "refused"), len(taken)

    extra = [b"content-length: 47", b"content-length: 999999999999", b"transfer-encoding: chunked", b"content-encoding: gzip"]
    ours = [plain, *(b"\n".join([*heads, line]) + b"\n\n" + body for line in extra)]
    twice = plain.replace(b"signature: ", b"signature: v1,AAAA v2,BB " + b"v1,zz " * 20)
    return Target(name="http", ours=[*ours, twice, plain.replace(b"/in/", b"/in/%2e%2e/\xc3\xa9/")], run=run)


async def _request(door: Any, raw: bytes, number: int) -> int:
    """The status that the door answers to one request: path, headers and body as they stand in the input."""
    head, _, body = raw.partition(b"\n\n")
    path, *lines = head.split(b"\n")
    headers = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST" if number % 17 else "GET",
        "scheme": "http",
        "path": path.decode("utf-8", "replace"),
        "raw_path": path,
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    step = max(1, len(body) // (number % 5 + 1))
    pieces = [body[start : start + step] for start in range(0, len(body), step)]
    said: list[Any] = []

    async def receive() -> dict[str, object]:
        piece = pieces.pop(0) if pieces else b""
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def send(message: Any) -> None:
        said.append(message)

    await door(scope, receive, send)
    return int(said[0]["status"])


def _names() -> Target:
    ours = [
        b"pay.xml",
        b"ORDER-850_2026.x12",
        b".taken",
        b"../../etc/pay.xml",
        b"a\nb.csv",
        "ü€\U0001f489.csv".encode(),
        b"x.csv.done",
    ]

    def run(raw: bytes, number: int) -> tuple[Fate, int]:
        names = [raw.decode("utf-8", "surrogateescape"), raw[:260].decode("latin-1"), raw[:260].decode("utf-16", "replace")]
        for name in names:
            _name(name, number)
        return ("read" if is_plain(names[0]) else "refused"), int(is_plain(names[0]))

    return Target(name="names", ours=ours, run=run)


def _name(name: str, number: int) -> None:
    safe = shown(name)
    if not is_plain(safe):
        raise Broken("a name that was made plain is not")
    if safe in (".", "..") or "/" in safe or "\0" in safe:
        raise Broken("a name that leads elsewhere")
    if is_plain(name) and safe != name:
        raise Broken("a plain name was changed")
    problem_of(name, number % 3, 1)
    sidecar(Answer(outcome="refused"), safe)
    folder_for(Answer(outcome="refused" if number % 2 else "accepted"), NOW)
    for whole in ("marker", "rename", "stable"):
        watch = Watch("*", whole, lambda: NOW, 1, 0.0)
        if any(other.startswith(".") for other in watch.look([Entry(name, 1, 1.0), Entry(name + ".done", 1, 1.0)])):
            raise Broken("a hidden file was taken")


def told(raw: bytes) -> str:
    """A name for an input that quotes nothing of it."""
    return f"{len(raw)} bytes, SHA-256 {hashlib.sha256(raw).hexdigest()[:12]}"

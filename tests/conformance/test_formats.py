"""What every format owes: one suite over whatever ``formats()`` finds.

The laws, where F is a format, d a document of a type that F writes, and p, s the profile and stamp:

1. F says what it is, and its samples read exactly as they declare.
2. ``read`` never raises, whatever the bytes, and refuses bytes that are no message of its own with an error finding.
3. What is read is valid and storable: ``decode(encode(d)) == d``, without NUL or lone surrogates, every instant in UTC.
4. ``write(d, p, s)`` is a function of its arguments, and raises nothing but ``Unwritable``.
5. A type that F both reads and writes comes back: ``read(write(d))`` has no error and one document of the type and id of d.
   Formats have less room than documents, so equality is asked of what made it through once: with d' that document,
   ``read(write(d')) == d'``. Formats without loss prove ``d' == d`` in their own tests.
6. ``acknowledge`` never raises, and answers accepted and refused messages differently if it answers.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from suture.formats import LARGEST_MESSAGE, Format, Profile, Reading, Sample, Stamp, Unwritable, Verdict, formats
from suture.model import DOCUMENTS, Document, Finding, decode, encode
from tests.strategies import documents

FORMATS = tuple(formats().values())
SAMPLES = [pytest.param(form, sample, id=f"{form.name}:{sample.name}") for form in FORMATS for sample in form.samples]
WRITTEN = [pytest.param(form, kind, id=f"{form.name}:{kind.__name__}") for form in FORMATS for kind in form.writes]
STAMP = Stamp(number=1, at="2026-03-02T09:30:00Z")
#: What a partner would have agreed on, where a format cannot write without it.
PROFILES = {
    "iso20022": Profile(options={"debtor_name": "Alpine Care Trust", "debtor_account": "CH9300762011623852957"}),
}
FUZZ_CASES = 120
#: What intake makes its own key from has room for this and more.
LONGEST_MESSAGE_ID = 200

every_format = pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
every_sample = pytest.mark.parametrize(("form", "sample"), SAMPLES)


def profile_of(form: Format) -> Profile:
    return PROFILES.get(form.name, Profile())


def check_storable(reading: Reading, form: Format) -> None:
    """Law 3, and that no document is of a type that the format does not declare."""
    for document in reading.documents:
        raw = encode(document)
        assert decode(raw) == document
        assert b"\\u0000" not in raw
        assert type(document) in form.reads
        check_instants(document)
    msgspec.json.encode(reading.findings)
    assert len(reading.message_id) <= LONGEST_MESSAGE_ID
    for finding in reading.findings:
        assert isinstance(finding, Finding)
        assert finding.code
        assert finding.severity in ("error", "warning", "info")


def check_instants(value: object) -> None:
    match value:
        case datetime():
            assert value.tzinfo is UTC
        case Struct():
            for name in value.__struct_fields__:
                check_instants(getattr(value, name))
        case tuple():
            for part in value:
                check_instants(part)


@every_format
def test_a_format_says_what_it_is(form: Format) -> None:
    assert form.name.replace("_", "").isalnum()
    assert form.name == form.name.lower()
    assert form.title
    assert form.standard
    assert "/" in form.media_type
    assert form.version >= 1
    assert (form.write is None) == (form.writes == ())
    assert set(form.reads) | set(form.writes) <= set(DOCUMENTS.values())
    assert form.reads or form.writes


@every_format
def test_a_format_shows_itself_in_samples(form: Format) -> None:
    names = [sample.name for sample in form.samples]
    assert len(set(names)) == len(names)
    assert any(sample.documents for sample in form.samples) or not form.reads
    assert any(sample.findings for sample in form.samples), "show a defect, too"


@every_sample
def test_a_sample_reads_as_it_declares(form: Format, sample: Sample) -> None:
    reading = form.read(sample.raw, profile_of(form))
    assert len(reading.documents) == sample.documents, reading.findings
    assert sorted({finding.code for finding in reading.findings}) == sorted(set(sample.findings)), reading.findings
    check_storable(reading, form)


@every_format
@pytest.mark.parametrize(
    "raw", [b"", b" \r\n", b"\x00" * 64, b"\xff\xfe\xfd", b"hello, world", b"{", b"<", b"\x0b\x1c\r", b"," * 5000]
)
def test_what_is_no_message_is_refused(form: Format, raw: bytes) -> None:
    reading = form.read(raw, profile_of(form))
    assert reading.documents == ()
    assert reading.errors


@every_format
def test_a_message_over_the_limit_is_refused(form: Format) -> None:
    reading = form.read(b"A" * (LARGEST_MESSAGE + 1), profile_of(form))
    assert reading.documents == ()
    assert reading.errors


@every_sample
def test_a_truncated_message_never_raises(form: Format, sample: Sample) -> None:
    for end in range(0, len(sample.raw), max(1, len(sample.raw) // FUZZ_CASES)):
        check_storable(form.read(sample.raw[:end], profile_of(form)), form)


@every_sample
def test_a_damaged_message_never_raises(form: Format, sample: Sample) -> None:
    chance = random.Random(sample.name)
    for _ in range(FUZZ_CASES):
        damaged = bytearray(sample.raw)
        for _ in range(chance.randint(1, 3)):
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        check_storable(form.read(bytes(damaged), profile_of(form)), form)


@every_sample
def test_a_doubled_or_reordered_message_never_raises(form: Format, sample: Sample) -> None:
    half = len(sample.raw) // 2
    for raw in (sample.raw * 2, sample.raw[half:] + sample.raw[:half], sample.raw[::-1], sample.raw + b"\x00"):
        check_storable(form.read(raw, profile_of(form)), form)


@every_format
@given(raw=st.binary(max_size=400))
@settings(max_examples=40, deadline=None)
def test_random_bytes_never_raise(form: Format, raw: bytes) -> None:
    check_storable(form.read(raw, profile_of(form)), form)


@pytest.mark.parametrize(("form", "kind"), WRITTEN)
@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_what_is_written_reads_back(form: Format, kind: type[Document], data: st.DataObject) -> None:
    document = data.draw(documents(kind))
    raw = written(form, document)
    if kind not in form.reads:
        return
    once = returned(form, raw, document)
    assert returned(form, written(form, once), once) == once


def written(form: Format, document: Document) -> bytes:
    """Law 4, of a document that the format can carry."""
    assert form.write is not None
    try:
        raw = form.write(document, profile_of(form), STAMP)
    except Unwritable:
        assume(False)
    assert form.write(document, profile_of(form), STAMP) == raw
    return raw


def returned(form: Format, raw: bytes, document: Document) -> Document:
    """The first half of law 5."""
    reading = form.read(raw, profile_of(form))
    assert not reading.errors
    check_storable(reading, form)
    (back,) = [found for found in reading.documents if type(found) is type(document)]
    assert _identity(back) == _identity(document)
    return back


def _identity(document: Document) -> str:
    """The business number that every document has, as a field or as a property."""
    return str(getattr(document, "id"))  # noqa: B009 (Document itself declares none)


@every_sample
def test_acknowledging_never_raises(form: Format, sample: Sample) -> None:
    if form.acknowledge is None:
        return
    profile = profile_of(form)
    finding = Finding(code="test.refused", text="not today: <&~*|^'\"\r\n ü", path="line 1", offset=3)
    verdicts = [Verdict(outcome="accepted", stamp=STAMP), Verdict(outcome="refused", findings=(finding,), stamp=STAMP)]
    for raw in (sample.raw, sample.raw[: len(sample.raw) // 2], b""):
        reading = form.read(raw, profile)
        accepted, refused = (form.acknowledge(reading, verdict, profile) for verdict in verdicts)
        assert accepted is None or accepted != refused
        form.acknowledge(reading, Verdict(outcome="busy", stamp=STAMP), profile)
        form.acknowledge(reading, Verdict(outcome="refused", findings=reading.findings, stamp=STAMP), profile)


@every_sample
def test_a_minimised_message_still_reads(form: Format, sample: Sample) -> None:
    if form.minimise is None:
        return
    minimised = form.minimise(sample.raw, lambda identifier: f"p{len(identifier)}")
    assert len(form.read(minimised, profile_of(form)).documents) == sample.documents

"""Real messages that nobody here wrote, and somebody else's reading of them (python-hl7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from suture.formats import Reading, Sample
from suture.formats.hl7v2 import FORMAT, Message, lex, minimise, read
from tests.formats.hl7v2.theatre import PROFILE, SHARED, pseudonym


def files() -> Iterator[Path]:
    for path in sorted(SHARED.rglob("*")):
        if path.suffix in (".hl7", ".txt") and path.is_file() and path.name != "SOURCE.txt":
            yield path


needs_corpus = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared folder of real HL7 v2 messages is not present")


def fate(found: Reading) -> str:
    if found.documents:
        return "in part" if found.errors else "accepted"
    return "refused" if found.errors else "context"


@needs_corpus
@pytest.mark.tables
def test_every_real_message_is_read_and_comes_back_byte_for_byte(capsys: pytest.CaptureFixture[str]) -> None:
    table: dict[str, Counter[str]] = {}
    reasons: dict[str, Counter[str]] = {}
    for path in files():
        raw = path.read_bytes()
        folder = path.relative_to(SHARED).parts[0]
        lexed = lex(raw)
        assert lexed.to_bytes() == raw, path
        found = read(raw, PROFILE)
        for finding in found.errors:
            assert finding.code.isdecimal(), finding
            assert finding.path, finding
            assert finding.text, finding
        counts = table.setdefault(folder, Counter())
        counts["files"] += 1
        counts["messages"] += sum(message.name == "MSH" for message in lexed.messages)
        counts[fate(found)] += 1
        counts["usages"] += len(found.documents)
        reasons.setdefault(folder, Counter()).update({f"{finding.code} {finding.path}" for finding in found.errors})
        clean = minimise(raw, pseudonym)
        assert fate(read(clean, PROFILE)) == fate(found), path
    with capsys.disabled():
        print(_shown(table, reasons))
    assert sum(counts["files"] for counts in table.values()) > 500


def _shown(table: dict[str, Counter[str]], reasons: dict[str, Counter[str]]) -> str:
    columns = ("files", "messages", "accepted", "in part", "context", "refused", "usages")
    rows = [f"\n{'folder':44}" + "".join(f"{column:>9}" for column in columns) + "  main reasons"]
    for folder, counts in table.items():
        why = ", ".join(f"{reason} ({count})" for reason, count in reasons[folder].most_common(4))
        rows.append(f"{folder[:43]:44}" + "".join(f"{counts[column]:9}" for column in columns) + f"  {why}")
    return "\n".join(rows)


@needs_corpus
def test_the_names_in_real_messages_are_gone() -> None:
    """Family names (PID-5.1) of five letters or more, unless they stand in a header or a field that a usage needs."""
    for path in files():
        raw = path.read_bytes()
        for message, clean in zip(lex(raw).messages, lex(minimise(raw, pseudonym)).messages, strict=True):
            names = {
                name.upper()
                for segment in message.all("PID")
                for name in segment.texts(5)
                if len(name) >= 5 and segment.broken_at < 0
            }
            rest = "\r".join(segment.text for segment in clean.segments if segment.name not in ("MSH", "PV1", "FT1")).upper()
            assert not [name for name in names if name in rest], path


def oracle(raw: bytes) -> object | None:
    """The first message as python-hl7 reads it, or None where it cannot."""
    hl7 = pytest.importorskip("hl7", reason="python-hl7 is not installed")
    try:
        return hl7.parse("\r".join(segment.text for segment in first(raw).segments))  # type: ignore[no-any-return]
    except (hl7.HL7Exception, ValueError, IndexError, KeyError):
        return None


def first(raw: bytes) -> Message:
    return next(message for message in lex(raw).messages if message.name == "MSH")


def compare(message: Message, theirs: object) -> int:
    """Every field of every segment as both read it, but for surrounding blanks, which python-hl7 strips."""
    compared = 0
    for ours, other in zip(message.segments, theirs, strict=True):  # type: ignore[call-overload]
        for number in range(1, len(ours.fields)):
            said = str(other[number]) if number < len(other) else ""
            assert said.strip() == ours.fields[number].strip(), (ours.name, number)
            compared += 1
            for index, repetition in enumerate(ours.repetitions(number) if ours.name != "MSH" or number > 2 else [], start=1):
                component = ours.get(number, index, 1) or ""
                said = other[number][index - 1]
                assert str(said if isinstance(said, str) else said[0]).strip() == component.strip(), (
                    ours.name,
                    number,
                    repetition,
                )
    return compared


@pytest.mark.parametrize(
    "sample",
    [sample for sample in FORMAT.samples if sample.raw.lstrip(b"\xef\xbb\xbf").startswith(b"MSH")],
    ids=lambda sample: sample.name,
)
def test_our_samples_read_alike(sample: Sample) -> None:
    theirs = oracle(sample.raw)
    assert theirs is not None
    assert compare(first(sample.raw), theirs) > 5


@needs_corpus
def test_real_messages_read_alike(capsys: pytest.CaptureFixture[str]) -> None:
    compared = Counter[str]()
    for path in files():
        raw = path.read_bytes()
        if b"MSH" not in raw or not any(message.name == "MSH" and message.declared for message in lex(raw).messages):
            compared["without a header that both understand"] += 1
            continue
        message = first(raw)
        theirs = oracle(raw) if message.declared and not any(segment.broken_at >= 0 for segment in message.segments) else None
        if theirs is None:
            compared["not readable for python-hl7, or folded"] += 1
            continue
        compared["messages"] += 1
        compared["fields"] += compare(message, theirs)
    with capsys.disabled():
        print("\nread alike by python-hl7:", dict(compared))
    assert compared["messages"] > 450

"""Real X12 files that nobody here wrote: none crashes, every token survives, and each refusal says where and why."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pytest

from suture.formats import Profile, Reading
from suture.formats.x12 import FORMAT
from suture.formats.x12.lexer import join, tokenize
from suture.model import decode, encode
from tests.formats.x12.messages import STAMP, acknowledge, write

CORPUS = Path(__file__).resolve().parents[3] / "../shared/data/x12"
FILES = sorted(path for path in CORPUS.rglob("*") if path.is_file() and path.name != "SOURCE.txt")
SPOKEN = {"810", "820", "850", "855", "856", "860", "997", "TA1"}

pytestmark = pytest.mark.skipif(not FILES, reason="the corpus ../shared/data/x12 is absent")


def verdict(reading: Reading) -> str:
    if reading.errors:
        return "in part" if reading.documents else "refused"
    return "read"


def speaks(reading: Reading) -> bool:
    return bool(SPOKEN & set(reading.kind.split("+")))


def test_no_file_crashes_and_every_token_survives() -> None:
    for path in FILES:
        raw = path.read_bytes()
        text = raw.decode("utf-8", "surrogateescape")
        assert join(tokenize(text)).encode("utf-8", "surrogateescape") == raw, path.name
        reading = FORMAT.read(raw, Profile())
        for document in reading.documents:
            assert decode(encode(document)) == document
        for outcome in ("accepted", "refused"):
            acknowledge(reading, outcome, Profile())


def test_what_is_refused_says_where_and_why() -> None:
    for path in FILES:
        raw = path.read_bytes()
        reading = FORMAT.read(raw, Profile())
        if verdict(reading) == "read":
            assert reading.documents or all(found.code == "x12.ta1" for found in reading.findings), path.name
        for found in reading.findings:
            assert found.path, (path.name, str(found))
            assert found.text, (path.name, str(found))
            assert 0 <= found.offset <= len(raw) or found.code in ("x12.stray", "x12.limit"), (path.name, str(found))


def test_what_is_read_is_written_and_read_the_same() -> None:
    """read(write(read(x))) == read(x), for what a document of ours can be written from."""
    written = 0
    for path in FILES:
        for document in FORMAT.read(path.read_bytes(), Profile()).documents:
            if type(document) not in FORMAT.writes:
                continue
            raw = write(document, Profile(), STAMP)
            assert FORMAT.read(raw, Profile()).documents == (document,), path.name
            written += 1
    assert written >= 15


@pytest.mark.tables
def test_the_table_of_the_corpus(capsys: pytest.CaptureFixture[str]) -> None:
    verdicts: dict[str, Counter[str]] = defaultdict(Counter)
    reasons: dict[str, list[str]] = defaultdict(list)
    for path in FILES:
        reading = FORMAT.read(path.read_bytes(), Profile())
        folder = path.relative_to(CORPUS).parts[0]
        column = verdict(reading) if speaks(reading) else "other sets" if reading.kind else "no X12"
        verdicts[folder][column] += 1
        if speaks(reading) and reading.errors:
            reasons[str(reading.errors[0])].append(f"{reading.kind} {path.name}")
    with capsys.disabled():
        print(_table(verdicts, reasons))
    total = sum(verdicts.values(), Counter[str]())
    assert total["read"] >= 20
    assert total["read"] + total["in part"] + total["refused"] >= 60


def _table(verdicts: dict[str, Counter[str]], reasons: dict[str, list[str]]) -> str:
    columns = ("read", "in part", "refused", "other sets", "no X12")
    lines = ["", f"{'X12 files of':34}" + "".join(f"{column:>12}" for column in columns)]
    for folder, counts in sorted(verdicts.items()):
        lines.append(f"{folder:34}" + "".join(f"{counts[column]:12}" for column in columns))
    total = sum(verdicts.values(), Counter[str]())
    lines.append(f"{'all':34}" + "".join(f"{total[column]:12}" for column in columns))
    lines.append("refused for (first reason; files):")
    for reason, files in sorted(reasons.items(), key=lambda pair: -len(pair[1])):
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        lines.append(f"  {reason}  [{files[0]}{more}]")
    return "\n".join(lines)

"""Every bank file in XML that strangers published is read or refused with a reason, and none of them stops us."""

from __future__ import annotations

from pathlib import Path

import pytest

from suture.formats import Profile, Reading
from suture.formats.iso20022 import FORMAT
from suture.model import decode, encode

BANK = Path(__file__).resolve().parents[3] / "../shared/data/bank"


def _files() -> list[Path]:
    if not BANK.is_dir():
        pytest.skip("no shared samples beside the repository")
    return sorted(BANK.rglob("*.xml"))


def _row(path: Path, reading: Reading) -> str:
    fate = "refused" if reading.errors and not reading.documents else "read"
    why = ", ".join(sorted({finding.code for finding in reading.findings}))
    kind = reading.envelope.get("message", "") or "-"
    return f"{path.parts[-2][:20]:21}{path.name[:40]:41}{kind:17}{fate:8}{len(reading.documents):4}  {why}"


@pytest.mark.tables
def test_every_file_is_read_or_refused_with_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    rows = []
    for path in _files():
        reading = FORMAT.read(path.read_bytes(), Profile(timezone="Europe/Zurich"))
        assert reading.kind or reading.findings
        assert all(decode(encode(document)) == document for document in reading.documents)
        rows.append(_row(path, reading))
    with capsys.disabled():
        print("", *rows, sep="\n")
    assert len(rows) >= 40


@pytest.mark.parametrize(
    ("name", "documents", "codes"),
    [
        ("camt054.v2.xml", 3, {"iso.repeated"}),
        ("camt053.v2.multi.statement.xml", 1, {"iso.incoming"}),
        ("camt53.only-Dt-with-DtTm.xml", 0, set()),
        ("camt053.v2.wrong.xml", 0, {"iso.empty"}),
        ("camt054.v8-with-UETR.xml", 0, {"iso.unmatched"}),
        ("pain001_001_08.xml", 1, set()),
        ("remt_001_001_06.xml", 0, {"iso.kind"}),
    ],
)
def test_what_is_in_them(name: str, documents: int, codes: set[str]) -> None:
    (path, *_) = [path for path in _files() if path.name == name]
    reading = FORMAT.read(path.read_bytes(), Profile())
    assert len(reading.documents) == documents
    assert {finding.code for finding in reading.findings} == codes

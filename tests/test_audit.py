"""The dependency audit: a weakness is told with its mending, and silence is no clean bill."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import msgspec
import pytest

from tools.audit import Report, main, needed, verdict

SOUND = '{"name": "Starlette", "version": "1.0", "vulns": []}'
WEAK = '{"name": "lxml", "version": "4.0", "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["4.1"], "aliases": []}]}'
SILENT = '{"name": "msgspec", "skip_reason": "Dependency not found on PyPI and could not be audited: msgspec (0.22.0)"}'
OWN = '{"name": "suture", "skip_reason": "distribution marked as editable"}'


def report(*packages: str) -> str:
    return f'{{"dependencies": [{", ".join(packages)}], "fixes": []}}'


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ((SOUND, OWN), 0, "1 of 2 packages were audited, 0 have known weaknesses"),
        ((SOUND, WEAK), 1, "lxml 4.0: PYSEC-2026-1, mended in 4.1"),
        ((SOUND, SILENT), 1, "NOT AUDITED, for the index knows no advisories of them: msgspec"),
    ],
)
def test_only_what_was_asked_about_and_is_known_to_be_sound_passes(packages: tuple[str, ...], code: int, said: str) -> None:
    lines, ended = verdict(msgspec.json.decode(report(*packages), type=Report), {"starlette", "msgspec", "lxml"})
    assert ended == code
    assert said in lines


def test_what_is_shipped_is_what_is_declared_and_what_that_needs() -> None:
    shipped = needed()
    assert {"msgspec", "lxml", "cryptography", "cffi", "starlette", "anyio", "nats-py"} <= shipped
    assert "pytest" not in shipped


@pytest.mark.parametrize(("answer", "code"), [(report(SOUND), 0), (report(WEAK), 1), ("the index is away", 1)])
def test_the_program_is_asked_and_what_it_cannot_say_is_told(
    answer: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "pip-audit"
    program.write_text(f"#!{sys.executable}\nimport sys\nassert '--skip-editable' in sys.argv\nprint({answer!r})\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    assert main(str(program)) == code
    assert "audited" in capsys.readouterr().out

"""Formats are found because they are in their folder, or because an installed package offers them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from suture.formats import Format, formats

ROOT = Path(__file__).resolve().parents[2]
OFFER = """
from suture.formats import Format, Profile, Reading
def read(raw: bytes, profile: Profile) -> Reading:
    return Reading()
FORMAT = Format(name={name!r}, title="T", version=1, standard="S", media_type="text/plain", read=read)
"""


def run(code: str, *paths: Path) -> subprocess.CompletedProcess[str]:
    """What a fresh interpreter says to ``code`` with these folders installed."""
    path = ":".join(map(str, (ROOT, *paths)))
    return subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_formats_of_the_folder_are_found() -> None:
    assert {"csv", "iso20022", "json"} <= set(formats())
    assert all(isinstance(value, Format) and name == value.name for name, value in formats().items())


def test_the_catalogue_is_read_only() -> None:
    with pytest.raises(TypeError):
        formats()["x"] = formats()["json"]


def test_importing_the_package_imports_no_format() -> None:
    said = run("import sys, suture.formats; print([m for m in sys.modules if m.startswith('suture.formats.')])")
    assert said.stdout.strip() == "['suture.formats.format']", said.stderr


@pytest.mark.parametrize(
    ("name", "code", "outcome"),
    [
        ("theirs", "", "True"),
        ("json", "", "json"),
        ("theirs", "FORMAT = 5", "must be a Format"),
        ("theirs", "raise RuntimeError('broken')", "broken"),
    ],
)
def test_an_installed_package_brings_its_own(tmp_path: Path, name: str, code: str, outcome: str) -> None:
    """A package that offers something else, a name that is taken, or fails: loudly, since its messages would be refused."""
    (tmp_path / "theirs.py").write_text(OFFER.format(name=name) + code)
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[suture.formats]\ntheirs = theirs:FORMAT\n")
    said = run("from suture.formats import formats; print('theirs' in formats(), 'json' in formats())", tmp_path)
    assert outcome in said.stdout + said.stderr
    assert (said.returncode == 0) == (outcome == "True")

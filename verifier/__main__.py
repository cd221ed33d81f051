"""``python -m verifier FILE``: the verdict on an export; exit code 0 sound, 1 not sound, 2 not to be checked."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from verifier import NotAnExport, public_key, verdict, verify

_ANCHOR = re.compile(r"([1-9][0-9]{0,18}):([0-9a-f]{64})")


def main(arguments: Sequence[str] | None = None) -> int:
    """Check one file and say what was found; returns the exit code."""
    asked = _parser().parse_args(arguments)
    try:
        key = public_key(Path(asked.public_key).read_bytes()) if asked.public_key else None
        with Path(asked.file).open("rb") as stream:
            report = verify(stream, key, dict(asked.anchor))
    except (NotAnExport, OSError, ValueError) as error:
        sys.stderr.write(f"verifier: {asked.file}: {error}\n")
        return 2
    said = json.dumps(report.as_json(), indent=2) + "\n" if asked.json else verdict(report, Path(asked.file).name)
    sys.stdout.write(said)
    return 0 if report.sound else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="verifier", description="Check what `suture export` wrote; gzip is recognised.")
    parser.add_argument("file", metavar="FILE", help="the export")
    parser.add_argument("--public-key", metavar="PEM", help="the hospital's public key, obtained from the hospital")
    parser.add_argument("--anchor", metavar="POSITION:HEAD", type=_anchor, action="append", default=[], help="a head kept apart")
    parser.add_argument("--json", action="store_true", help="the report as JSON instead of words")
    return parser


def _anchor(said: str) -> tuple[int, str]:
    found = _ANCHOR.fullmatch(said.strip().lower())
    if found is None:
        raise argparse.ArgumentTypeError("an anchor is POSITION:HEAD, a number and 64 hexadecimal digits")
    return int(found[1]), found[2]


if __name__ == "__main__":
    sys.exit(main())

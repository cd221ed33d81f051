"""``python -m verifier_of_evidence FILE``: the verdict on evidence; exit code 0 sound, 1 not sound, 2 not to be checked."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from verifier import NotAnExport, public_key
from verifier_of_evidence import verify_evidence, words


def main(arguments: Sequence[str] | None = None) -> int:
    """Check one file and say what was found; returns the exit code."""
    asked = _parser().parse_args(arguments)
    file = Path(asked.file)
    try:
        key = public_key(Path(asked.public_key).read_bytes()) if asked.public_key else None
        found = verify_evidence(file.read_bytes(), key)
    except (NotAnExport, OSError, ValueError) as error:
        sys.stderr.write(f"verifier_of_evidence: {asked.file}: {error}\n")
        return 2
    said = json.dumps({"sound": found.sound, **asdict(found)}, indent=2) + "\n" if asked.json else words(found, file.name)
    sys.stdout.write(said)
    return 0 if found.sound else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="verifier_of_evidence", description="Check a page that `suture evidence` wrote.")
    parser.add_argument("file", metavar="FILE", help="the page")
    parser.add_argument("--public-key", metavar="PEM", help="the hospital's public key, obtained from the hospital")
    parser.add_argument("--json", action="store_true", help="the report as JSON instead of words")
    return parser


if __name__ == "__main__":
    sys.exit(main())

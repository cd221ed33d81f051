"""``python -m prove.fuzz TARGET NUMBER [--share S]``: try one numbered input again, and show it and what happens."""

from __future__ import annotations

import argparse
import sys

from prove.fuzz.targets import targets
from prove.fuzz.worker import inputs
from prove.parts.fuzz import job_of


def main() -> None:
    """Show the input, then let its error come out."""
    parser = argparse.ArgumentParser(prog="prove.fuzz", description="Try one numbered input of a parser again.")
    parser.add_argument("target", choices=sorted(targets()))
    parser.add_argument("number", type=int)
    parser.add_argument("--share", type=float, default=1.0, help="the share of the run that named the number")
    asked = parser.parse_args()
    target = targets()[asked.target]
    number, raw = next(inputs(target, job_of(asked.target, asked.share, first=asked.number)))
    sys.stdout.write(f"{len(raw)} bytes: {raw[:2_000]!r}\n")
    sys.stdout.write(f"{target.run(raw, number)}\n")


if __name__ == "__main__":
    main()

"""The trial of a mutant: a copy of the engine with one bug in it, simulated until a promise breaks."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from msgspec import Struct

from prove.mutants.hunt import DEEPER
from prove.mutants.mutant import Mutant

ROOT = Path(__file__).resolve().parents[2]
ENGINE = ROOT / "suture"
HUNT = Path(__file__).with_name("hunt.py")
#: What a verdict rests on besides the engine.
RULES = (HUNT, HUNT.with_name("rough.py"))
#: Where the verdicts of a run are kept as they come.
KEPT = ROOT / ".mutants.jsonl"
#: Seeds that a mutant has to survive to count as a survivor.
SEEDS = 80
#: The seeds among which those of the likely scenarios are; no hunt goes further.
REACH = SEEDS * DEEPER
#: Simulations side by side.
TOGETHER = 2
#: A whole hunt takes longer than this only on a machine that is busy with something else.
LONGEST_S = 1800


class Verdict(Struct, frozen=True, kw_only=True):
    """What became of one mutant (None: the engine as it is): the promise that broke, or "" if no seed saw anything."""

    mutant: Mutant | None
    promise: str = ""
    text: str = ""
    #: The seed that saw it, and how many seeds were tried up to there.
    seed: int = -1
    tried: int = 0
    seconds: float = 0.0
    #: Why the mutant could not be tried at all.
    senseless: str = ""

    @property
    def caught(self) -> bool:
        """Whether some promise broke."""
        return bool(self.promise)


def tried(mutant: Mutant | None, folder: Path, seeds: int = SEEDS) -> Verdict:
    """Copy the engine into ``folder``, put the bug into it, and hunt."""
    began = time.monotonic()
    # what is compiled already comes along; only the file with the bug is compiled anew
    shutil.copytree(ENGINE, folder / "suture")
    if mutant is not None:
        place = folder / "suture" / mutant.file
        place.write_text(mutant.applied(place.read_text("utf-8")), "utf-8")
        for compiled in (place.parent / "__pycache__").glob(f"{place.stem}.*"):
            compiled.unlink()
    scenarios = mutant.scenarios if mutant else ()
    try:
        told = _hunted(folder, [str(seeds), *scenarios])
    except ValueError as error:
        return Verdict(mutant=mutant, senseless=str(error)[-300:])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Verdict(
        mutant=mutant,
        promise=str(told["promise"]),
        text=str(told.get("text", "")),
        seed=int(str(told.get("seed", -1))),
        tried=int(str(told["tried"])),
        seconds=round(time.monotonic() - began, 1),
    )


def _hunted(folder: Path, arguments: list[str]) -> dict[str, object]:
    """What the hunt tells; raises ValueError if it could not be held."""
    # the copy comes before the installed package, and the program's own folder is no place to import from
    line = [sys.executable, "-P", str(HUNT), *arguments]
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=LONGEST_S)
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"no end within {LONGEST_S} s") from error
    if done.returncode:
        raise ValueError(done.stderr.strip() or f"exit code {done.returncode}")
    told: dict[str, object] = json.loads(done.stdout)
    return told


def all_tried(asked: Sequence[tuple[Mutant | None, int]], folder: Path, tell: Callable[[str], None]) -> Iterator[Verdict]:
    """Try them side by side, in order, with so many seeds each (0: as many as a mutant gets), telling of each as it ends.

    What was tried before on the same sources is not tried again: a run that was stopped goes on where it was.
    """
    ended, kept = itertools.count(1), Sittings(KEPT)

    def verdict_on(number: int, mutant: Mutant | None, seeds: int) -> Verdict:
        here = folder / str(number)
        here.mkdir(parents=True)
        verdict = kept.known(mutant, seeds or SEEDS) or kept.keep(tried(mutant, here, seeds or SEEDS), seeds or SEEDS)
        tell(f"{next(ended)} of {len(asked)}: {_told(verdict)}")
        return verdict

    with ThreadPoolExecutor(TOGETHER) as pool:
        yield from pool.map(verdict_on, range(len(asked)), *zip(*asked, strict=True))


class Sittings:
    """The verdicts of runs that were stopped, one a line, each under a digest of all that it rests on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        sources = (*sorted(ENGINE.rglob("*.py")), *RULES)
        self._sources = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
        lines = path.read_bytes().splitlines() if path.exists() else []
        self._known = dict(msgspec.json.decode(line, type=tuple[str, Verdict]) for line in lines)

    def _digest(self, mutant: Mutant | None, seeds: int) -> str:
        return hashlib.sha256(msgspec.json.encode([self._sources, mutant, seeds])).hexdigest()

    def known(self, mutant: Mutant | None, seeds: int) -> Verdict | None:
        """The verdict on the same mutant of the same sources after as many seeds."""
        return self._known.get(self._digest(mutant, seeds))

    def keep(self, verdict: Verdict, seeds: int) -> Verdict:
        """Remember a verdict, unless the mutant could not be tried."""
        if not verdict.senseless:
            with self.path.open("ab") as file:
                file.write(msgspec.json.encode((self._digest(verdict.mutant, seeds), verdict)) + b"\n")
        return verdict


def _told(verdict: Verdict) -> str:
    name = verdict.mutant.name if verdict.mutant else "the engine as it is"
    how = verdict.senseless or verdict.promise or "nothing seen"
    return f"{name}: {how} ({verdict.tried} seeds, {verdict.seconds:.0f} s)"

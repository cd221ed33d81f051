"""The audit of what Suture depends on: weaknesses that are known, and an end with code 1 where nobody could say.

pip-audit asks the package index (or, with ``--service osv``, the OSV database) about every installed package. One that the index
knows nothing of is skipped by it, and does not make it fail: an index without advisories would be a clean bill. Here it is not.
"""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, requires

import msgspec
from msgspec import Struct
from rich.console import Console

#: What is installed for a production of every kind.
EXTRAS = ("postgres", "sftp", "archive", "nats", "kafka", "batch")
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
_EXTRA = re.compile(r"extra == ['\"]([\w-]+)['\"]")


class Weakness(Struct, frozen=True):
    """A known weakness, and the versions without it."""

    id: str
    fix_versions: tuple[str, ...] = ()


class Asked(Struct, frozen=True):
    """What was heard about one package; ``skip_reason`` where nothing was."""

    name: str
    version: str = ""
    skip_reason: str = ""
    vulns: tuple[Weakness, ...] = ()


class Report(Struct, frozen=True):
    """What pip-audit says as JSON."""

    dependencies: tuple[Asked, ...]


def needed(package: str = "suture", extras: Iterable[str] = EXTRAS) -> frozenset[str]:
    """The names of everything that is installed with a package, and with what it needs in turn."""
    found: set[str] = set()
    waiting = [(package, frozenset(extras))]
    while waiting:
        name, wanted = waiting.pop()
        for below in _required(name, wanted):
            if below not in found:
                found.add(below)
                waiting.append((below, frozenset()))
    return frozenset(found)


def _required(name: str, extras: frozenset[str]) -> Iterator[str]:
    try:
        lines = requires(name) or []
    except PackageNotFoundError:
        return
    for line in lines:
        said, named = _NAME.match(line), _EXTRA.search(line)
        if said and (named is None or named[1] in extras):
            yield plain(said[0])


def plain(name: str) -> str:
    """A package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def verdict(report: Report, shipped: Iterable[str]) -> tuple[list[str], int]:
    """What is to be told, and the exit code: 0 only where all that is shipped was asked about and nothing is known of it."""
    known = {plain(each.name): each for each in report.dependencies}
    weak = [each for each in report.dependencies if each.vulns]
    silent = sorted(name for name in shipped if name in known and known[name].skip_reason)
    lines = [
        f"{each.name} {each.version}: {weakness.id}, mended in {', '.join(weakness.fix_versions) or 'no version'}"
        for each in weak
        for weakness in each.vulns
    ]
    asked = sum(not each.skip_reason for each in report.dependencies)
    lines.append(f"{asked} of {len(report.dependencies)} packages were audited, {len(weak)} have known weaknesses")
    if silent:
        lines.append(f"NOT AUDITED, for the index knows no advisories of them: {', '.join(silent)}")
    return lines, 1 if weak or silent else 0


def main(program: str, *more: str) -> int:
    """Ask, tell, and say how it went."""
    installed = sysconfig.get_path("purelib")
    command = [program, "--path", installed, "--skip-editable", "--format", "json", "--progress-spinner", "off", *more]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    console = Console(highlight=False, soft_wrap=True)
    try:
        report = msgspec.json.decode(answer.stdout, type=Report)
    except msgspec.MsgspecError:
        console.print(f"nothing was audited: {answer.stderr.strip()[-500:]}", markup=False)
        return 1
    lines, code = verdict(report, needed())
    for line in lines:
        console.print(line, markup=False)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

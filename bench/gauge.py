"""Gauges: CPU time and memory of processes, read from /proc, so that nothing is asked of the process itself."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """CPU seconds of a process, of the children that it has waited for, and of those that still run."""
    return _own(pid) + sum(map(cpu_s, _children(pid)))


def pss_mb(pid: int) -> float:
    """Memory of a process, shared pages in proportion (PSS), in megabytes; 0 once it has gone."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024


def family_mb(pid: int) -> float:
    """Memory of a process and everything below it, in megabytes."""
    return pss_mb(pid) + sum(map(family_mb, _children(pid)))


def _own(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / _TICKS


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []

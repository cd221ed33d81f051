"""A disk that can be full: a small file system of its own where one may mount, else a limit on the size of the files."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from pathlib import Path
from typing import Protocol

#: The size of the small file system.
MEGABYTES = 192
_BLOCK = bytes(1 << 16)


class Disk(Protocol):
    """``starve`` leaves no room for what the process with this id writes; ``feed`` gives it back."""

    kind: str
    place: Path

    def starve(self, pid: int) -> None: ...

    def feed(self, pid: int) -> None: ...

    def close(self) -> None: ...


class Mounted:
    """A tmpfs; a file that fills it up makes it full."""

    kind = f"a tmpfs of {MEGABYTES} MB, filled to the last block"

    def __init__(self, place: Path) -> None:
        self.place = place

    def starve(self, pid: int) -> None:
        """Fill it."""
        with contextlib.suppress(OSError), (self.place / "ballast").open("ab", buffering=0) as ballast:
            while ballast.write(_BLOCK):
                pass

    def feed(self, pid: int) -> None:
        """Empty it."""
        (self.place / "ballast").unlink(missing_ok=True)

    def close(self) -> None:
        """Give it back."""
        subprocess.run(["umount", str(self.place)], check=False, capture_output=True)


class Limited:
    """A limit on how large a file of the process may become (RLIMIT_FSIZE), set on it while it runs."""

    kind = "RLIMIT_FSIZE set to what the files had (nothing may be mounted here)"

    def __init__(self, place: Path) -> None:
        self.place = place

    def starve(self, pid: int) -> None:
        """No file may grow, not even the one that logs what is committed."""
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))

    def feed(self, pid: int) -> None:
        """Files may grow again."""
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def close(self) -> None:
        """Nothing is held."""


def disk(place: Path) -> Disk:
    """A disk at this place, which is made."""
    place.mkdir()
    if os.getuid() == 0:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m,mode=700", "tmpfs", str(place)]
        with contextlib.suppress(FileNotFoundError):
            if subprocess.run(mount, check=False, capture_output=True).returncode == 0:
                return Mounted(place)
    return Limited(place)

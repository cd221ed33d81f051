"""Several hosts on one machine: network namespaces on one bridge, each with an address, made and removed by whoever asks."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

from prove.postgres import account

#: Programs that this takes; the last three come with the kernel's own tools.
PROGRAMS = ("nft", "ip", "nsenter")


def missing() -> str:
    """Why hosts cannot be made here, or ""."""
    absent = [program for program in PROGRAMS if shutil.which(program) is None]
    if absent:
        return f"{', '.join(absent)} is not on this machine"
    if os.getuid() != 0:
        return "network namespaces need root"
    try:
        with Hosts(("probe",)):
            return ""
    except RuntimeError as failure:
        return f"network namespaces cannot be made here: {failure}"


_LETTERS = cycle("abcdefgh")


class Hosts:
    """Namespaces by name, each with an address; we ourselves are ``here`` on the same net. ``with`` makes and removes them."""

    def __init__(self, names: Sequence[str]) -> None:
        # the kernel takes a while to forget a name: the next house of one process has another
        self._mark, net = f"su{os.getpid()}{next(_LETTERS)}", 1 + os.getpid() % 250
        self.here = f"10.213.{net}.1"
        self.addresses = {name: f"10.213.{net}.{number}" for number, name in enumerate(names, 2)}
        self._bridge = self._mark

    def __enter__(self) -> Hosts:
        _sweep()
        try:
            _run("ip", "link", "add", self._bridge, "type", "bridge")
            _run("ip", "address", "add", f"{self.here}/24", "dev", self._bridge)
            _run("ip", "link", "set", self._bridge, "up")
            for number, name in enumerate(self.addresses):
                self._make(number, name)
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def _make(self, number: int, name: str) -> None:
        space, cable = self._space(name), f"{self._mark}-{number}"
        _run("ip", "netns", "add", space)
        _run("ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", space)
        _run("ip", "link", "set", cable, "master", self._bridge, "up")
        _run("ip", "-n", space, "address", "add", f"{self.addresses[name]}/24", "dev", "eth0")
        _run("ip", "-n", space, "link", "set", "eth0", "up")
        _run("ip", "-n", space, "link", "set", "lo", "up")

    def remove(self) -> None:
        """Remove them all; whatever is not there is passed over."""
        for name in self.addresses:
            subprocess.run(["ip", "netns", "delete", self._space(name)], capture_output=True, check=False)
        subprocess.run(["ip", "link", "delete", self._bridge], capture_output=True, check=False)

    def _space(self, name: str) -> str:
        return f"{self._mark}-{name}"

    def inside(self, name: str, *, unprivileged: bool = False) -> tuple[str, ...]:
        """The words before a command that run it on a host; they become the command itself, with the same process number."""
        enter = ("nsenter", f"--net=/run/netns/{self._space(name)}")
        user = account()
        if not unprivileged or user is None:
            return enter
        entry = pwd.getpwnam(user)
        return (*enter, "-S", str(entry.pw_uid), "-G", str(entry.pw_gid))

    def cut_off(self, name: str, other: str) -> None:
        """Nothing passes between two hosts any more, and neither is told."""
        for rule in ("add table ip cut", *(_chain(hook, side, self.addresses[other]) for hook, side in _SIDES)):
            _run(*self.inside(name), "nft", rule)

    def heal(self, name: str) -> None:
        """Everything passes again."""
        _run(*self.inside(name), "nft", "delete table ip cut")


def _sweep() -> None:
    """Remove what a run left behind that was killed: its process is in the names."""
    for words in (("ip", "netns", "list"), ("ip", "-o", "link", "show", "type", "bridge")):
        listed = subprocess.run(words, capture_output=True, text=True, check=False).stdout
        for name, pid in re.findall(r"\b(su(\d+)[a-h]?(?:-\w+)?)\b", listed):
            if not Path("/proc", pid).exists():
                kind = "netns" if "-" in name else "link"
                subprocess.run(["ip", kind, "delete", name], capture_output=True, check=False)


_SIDES = (("input", "saddr"), ("output", "daddr"))


def _chain(hook: str, side: str, address: str) -> str:
    chain = f"add chain ip cut {hook} {{ type filter hook {hook} priority 0 ; }}"
    return f"{chain} ; add rule ip cut {hook} ip {side} {address} drop"


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:3])}: {done.stderr.strip()}")

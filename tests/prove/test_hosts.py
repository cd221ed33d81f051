"""Hosts on one machine: they come with addresses of their own and go without a trace, also those of a run that was killed."""

from __future__ import annotations

import subprocess

import pytest

from prove.hosts import Hosts, missing

#: No process has such a number.
DEAD = "su99999999"


def there() -> str:
    return subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout


@pytest.fixture(autouse=True)
def _can_be_made() -> None:
    if why := missing():
        pytest.skip(why)


def test_hosts_reach_each_other_until_they_are_cut_off_and_leave_no_trace() -> None:
    with Hosts(("a", "b")) as hosts:
        assert reaches(hosts, "a", "b")
        hosts.cut_off("a", "b")
        assert not reaches(hosts, "a", "b")
        hosts.heal("a")
        assert reaches(hosts, "a", "b")
        mark = hosts.inside("a")[1].rpartition("/")[2].partition("-")[0]
    assert mark not in there()


def test_what_a_killed_run_left_behind_is_removed_by_the_next() -> None:
    subprocess.run(["ip", "netns", "add", f"{DEAD}-db"], check=True)
    with Hosts(("probe",)):
        assert DEAD not in there()


def reaches(hosts: Hosts, one: str, other: str) -> bool:
    """Whether a packet gets there: a port on which nobody listens refuses at once, a wall does not answer."""
    probe = (
        f"import socket; s = socket.socket(); s.settimeout(0.5); raise SystemExit(s.connect_ex(('{hosts.addresses[other]}', 9)))"
    )
    return subprocess.run([*hosts.inside(one), "python3", "-c", probe], check=False).returncode == 111

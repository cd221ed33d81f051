"""What vendors impose: releases that change a product under us, and the most that their platforms take."""

from __future__ import annotations

from calendar import month_name
from collections.abc import Iterator, Mapping
from datetime import date

from suture.model import Finding
from suture.runtime.network import Instance, Network
from suture.systems import Platform, Release, System

#: So many days before a release somebody should have tried the connector against it.
NEAR_DAYS = 30
_DAY_S = 86_400


def platform_of(instance: Instance, system: System) -> Platform:
    """What the vendor says of this installation, else of the product."""
    return instance.platform or system.platform


def next_release(platform: Platform, today: date) -> Release | None:
    """The next release whose day is known, today's among them."""
    ahead = (each for each in platform.releases if each.on >= today)
    return min(ahead, key=lambda each: each.on, default=None)


def calendar(platform: Platform, today: date) -> str:
    """When the product changes next, in words; empty where nobody says."""
    if (release := next_release(platform, today)) is not None:
        return f"{release.name} on {release.on}, in {(release.on - today).days} days"
    return f"each {rhythm(platform)}" if platform.months else ""


def rhythm(platform: Platform) -> str:
    """The months that bring a release."""
    return " and ".join(month_name[month] for month in platform.months if 1 <= month <= 12)


def vendor_findings(network: Network, systems: Mapping[str, System], today: date) -> tuple[Finding, ...]:
    """Releases that are near, and quotas of ours that are more than a platform takes; each a warning."""
    found: list[Finding] = []
    for instance in network.instances:
        system = systems.get(instance.system)
        if system is not None and instance.mode != "retired":
            platform = platform_of(instance, system)
            found += _near(instance, platform, today)
            found += _over(instance, system, platform)
    return tuple(found)


def _near(instance: Instance, platform: Platform, today: date) -> Iterator[Finding]:
    release = next_release(platform, today)
    if release is not None and (left := (release.on - today).days) <= NEAR_DAYS:
        text = f"{release.name} goes live on {release.on}, in {left} days: try the connector against it, and see who is on call"
        yield Finding(code="release_near", path=f"instances.{instance.name}", text=text, severity="warning")


def _over(instance: Instance, system: System, platform: Platform) -> Iterator[Finding]:
    rate, at_once = instance.rate_per_s or system.rate_per_s, instance.concurrency or system.concurrency
    said = f" ({platform.source})" if platform.source else ""
    for field, ours, theirs, what in (
        ("rate_per_s", rate, platform.per_s, "calls a second"),
        ("rate_per_s", rate * _DAY_S, platform.per_day, "calls a day"),
        ("concurrency", at_once, platform.at_once, "calls at once"),
    ):
        if theirs and ours > theirs:
            text = f"we may make {ours:,g} {what}, and the platform takes {theirs:,g}{said}: lower {field}"
            yield Finding(code="over_platform_limit", path=f"instances.{instance.name}.{field}", text=text, severity="warning")

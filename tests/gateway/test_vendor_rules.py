"""What vendors impose: a release that is near and a quota over a platform's limit are told, from the declarations alone."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from suture.cli import main
from suture.extensions import found
from suture.gateway.governance.vendor_rules import calendar, next_release, platform_of, vendor_findings
from suture.runtime.network import Instance, Network, read_network
from suture.systems import Platform, Release, System

TODAY = date(2027, 1, 20)
SYSTEMS = found("suture.systems", "SYSTEM", System)
SPRING, LATER = Release(name="2702", on=date(2027, 2, 6)), Release(name="2708", on=date(2027, 8, 7))


def codes(platform: Platform | None, today: date = TODAY, **more: Any) -> list[str]:
    """The codes of what is found about one ERP."""
    instance = Instance(name="erp", system="sap_odata", platform=platform, **more)
    findings = vendor_findings(Network(name="n", instances=(instance,)), SYSTEMS, today)
    assert all(finding.severity == "warning" and finding.path.startswith("instances.erp") for finding in findings)
    return [finding.code for finding in findings]


@pytest.mark.parametrize(
    ("today", "told"),
    [(date(2027, 1, 6), []), (date(2027, 1, 7), ["release_near"]), (SPRING.on, ["release_near"]), (date(2027, 2, 7), [])],
)
def test_a_release_is_near_for_thirty_days_and_on_its_day(today: date, told: list[str]) -> None:
    assert codes(Platform(releases=(LATER, SPRING)), today) == told


@pytest.mark.parametrize(
    ("platform", "more", "told"),
    [
        (Platform(per_s=20.0), {}, []),  # as much as the system declares
        (Platform(per_s=19.0), {}, ["over_platform_limit"]),
        (Platform(per_s=19.0), {"rate_per_s": 19.0}, []),
        (Platform(per_day=100_000), {}, ["over_platform_limit"]),
        (Platform(per_day=100_000), {"rate_per_s": 1.0}, []),
        (Platform(at_once=4), {"concurrency": 5}, ["over_platform_limit"]),
        (Platform(per_s=1.0, per_day=10, at_once=1), {}, ["over_platform_limit"] * 3),
        (Platform(per_s=1.0), {"mode": "retired"}, []),
        (None, {}, []),
    ],
)
def test_a_quota_over_the_limit_is_told(platform: Platform | None, more: dict[str, Any], told: list[str]) -> None:
    assert codes(platform, **more) == told


def test_the_installation_knows_better_than_the_product() -> None:
    system = SYSTEMS["sap_odata"]
    own = Platform(releases=(SPRING,))
    assert platform_of(Instance(name="erp", system="sap_odata"), system) == system.platform
    assert platform_of(Instance(name="erp", system="sap_odata", platform=own), system) == own
    assert calendar(system.platform, TODAY) == "each February and August"
    assert calendar(own, TODAY) == "2702 on 2027-02-06, in 17 days"
    assert (next_release(own, LATER.on), calendar(Platform(), TODAY)) == (None, "")


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=lambda system: system.name)
def test_every_declared_calendar_is_one_and_says_who_says_so(system: System) -> None:
    platform = system.platform
    assert all(1 <= month <= 12 for month in platform.months)
    assert platform.source or platform == Platform()
    assert system.rate_per_s <= (platform.per_s or system.rate_per_s)


def test_the_network_file_declares_it_and_check_tells_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "network.toml"
    file.write_text(
        'name = "n"\n[[instances]]\nname = "erp"\nsystem = "erp_rest"\nowner = "finance"\naddress = "https://erp.example"\n'
        '[instances.platform]\nreleases = [{ name = "R9", on = 9999-12-31 }]\nper_s = 5.0\nsource = "annex C"\n'
    )
    (instance,) = read_network(file).instances
    assert instance.platform == Platform(releases=(Release(name="R9", on=date(9999, 12, 31)),), per_s=5.0, source="annex C")
    with pytest.raises(SystemExit):
        main(["check", str(file)])
    said = capsys.readouterr().out
    assert "over_platform_limit" in said
    assert "annex C" in said
    assert "release_near" not in said

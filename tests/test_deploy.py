"""What is in deploy/ fits together and to the command line, and is good to the judges of each format where they are installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from suture.cli import application
from suture.runtime.service import STOP_WITHIN_S

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm/suture"
UNIT = DEPLOY / "systemd/suture@.service"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
ROLES = ("gateway", "worker", "deliver")
#: Values with which every branch of the chart is rendered.
EVERYTHING = """
network: |
  name = "x"
  host = "0.0.0.0"
keysSecret: suture-keys
credentialsSecret: suture-credentials
database: {url: "postgresql://suture@db/suture", passwordSecret: suture-database}
mastersClaim: masters
exchangeClaim: exchange
service: {mllp: [{name: charges, port: 2575}]}
ingress: {enabled: true, host: suture.example, className: nginx, tlsSecret: tls, annotations: {a: b}}
roles: {gateway: {autoscaling: {enabled: true}}}
image: {pullSecrets: [{name: pull}]}
priorityClassName: high
nodeSelector: {disk: fast}
tolerations: [{key: a, operator: Exists}]
"""


def judge(name: str) -> str:
    """A tool on the path or beside Python; a test that needs one that is absent skips with a word."""
    found = shutil.which(name, path=os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))))
    if found is None:
        pytest.skip(f"{name} is not installed (docs/operations.md says where the judges come from)")
    return found


def said(*command: str | Path, **environment: str) -> str:
    """What a judge prints; fails with it unless it is content."""
    ran = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=120, env={**os.environ, **environment}
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def options(arguments: list[str]) -> set[str]:
    return {argument for argument in arguments if argument.startswith("--")}


def of_run() -> set[str]:
    """The options of ``suture run``."""
    command = typer.main.get_command(application(["run"])).commands["run"]  # type: ignore[attr-defined]  # it is a group
    return {option for parameter in command.params for option in parameter.opts}


# -- together


def test_versions_are_the_project_s() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (VERSION, VERSION)
    assert {COMPOSE["services"][role]["image"] for role in ROLES} == {f"suture:{VERSION}"}


def test_every_option_used_is_one_of_the_command() -> None:
    unit = re.search(r"ExecStart=\S+ (.*)", UNIT.read_text())
    assert unit is not None
    image = re.search(r"^CMD (\[.*\])$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert image is not None
    used = [unit[1].split(), yaml.safe_load(image[1])] + [COMPOSE["services"][role]["command"] for role in ROLES]
    used.append(re.findall(r"^ +- \"?(--?\w+|run)", (CHART / "templates/deployments.yaml").read_text(), re.MULTILINE))
    for arguments in used:
        assert arguments[0] == "run"
        assert options(arguments) <= of_run()
        assert "--port" in arguments, "each role tells its health"


def test_each_role_is_served_by_every_way_of_deploying() -> None:
    assert {
        arguments[arguments.index("--role") + 1] for arguments in (COMPOSE["services"][role]["command"] for role in ROLES)
    } == set(ROLES)
    assert set(yaml.safe_load((CHART / "values.yaml").read_text())["roles"]) == set(ROLES)


def test_a_stop_has_more_time_than_it_takes() -> None:
    assert int(str(COMPOSE["services"]["gateway"]["stop_grace_period"]).rstrip("s")) > STOP_WITHIN_S + 15
    for text in (UNIT.read_text(), (CHART / "templates/deployments.yaml").read_text()):
        found = re.search(r"(?:TimeoutStopSec=|terminationGracePeriodSeconds: )(\d+)", text)
        assert found is not None
        assert int(found[1]) > STOP_WITHIN_S + 15


def test_the_image_takes_what_it_needs_and_nothing_runs_as_root() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    for line in lines:
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists()
                assert f"!{source}" in ignored
    assert [line for line in lines if line.startswith("USER ")] == ["USER 10001:10001"]
    assert [line for line in lines if line.startswith("FROM ")][-1] == "FROM python:3.12-slim-bookworm"


# -- the chart


def leaves(values: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(values, dict) and values and path[:1] != ("podAnnotations",):
        for name, value in values.items():
            yield from leaves(value, (*path, name))
    else:
        yield path


def test_every_value_is_used_and_every_value_used_is_there() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    text = "".join(path.read_text() for path in sorted((CHART / "templates").iterdir()))
    used = {tuple(name.split(".")) for name in re.findall(r"\$?\.Values\.([A-Za-z.]+)", text)}
    used |= {("roles", role, *name.split(".")) for role in ROLES for name in re.findall(r"\$of\.([A-Za-z.]+)", text)}
    there = set(leaves(values))
    prefixes = {path[:length] for path in there for length in range(1, len(path) + 1)}
    assert used <= prefixes, f"not in values.yaml: {sorted(used - prefixes)}"
    idle = {path for path in there if not any(path[: len(name)] == name for name in used if name != ("roles",))}
    assert not idle, f"never used: {sorted(idle)}"


def rendered(tmp_path: Path, *more: str) -> str:
    (tmp_path / "values.yaml").write_text(EVERYTHING)
    return said(judge("helm"), "template", "r", CHART, "--values", tmp_path / "values.yaml", *more)


def test_the_chart_is_good_to_helm_and_what_it_renders_to_kubernetes(tmp_path: Path) -> None:
    (tmp_path / "out.yaml").write_text(rendered(tmp_path))
    said(judge("helm"), "lint", "--strict", CHART, "--values", tmp_path / "values.yaml")
    for version in ("1.29.0", "1.37.0"):
        told = said(judge("kubernetes-validate"), "-k", version, "--strict", tmp_path / "out.yaml")
        assert told.count("passed") == 10


def test_what_must_be_said_is_asked_for() -> None:
    helm = judge("helm")
    for given in ("network=x", "network=x,database.url=y"):
        ran = subprocess.run([helm, "template", "r", CHART, "--set", given], capture_output=True, text=True, timeout=60)
        assert ran.returncode != 0
        assert "required" in ran.stderr or "keysSecret" in ran.stderr or "database.url" in ran.stderr


def test_no_secret_is_written_into_what_the_chart_renders(tmp_path: Path) -> None:
    made = [each for each in yaml.safe_load_all(rendered(tmp_path)) if each]
    assert not [each for each in made if each["kind"] == "Secret"]
    [gateway] = [each for each in made if each["kind"] == "Deployment" and each["metadata"]["name"] == "r-gateway"]
    [container] = gateway["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [
        {"name": "PGPASSWORD", "valueFrom": {"secretKeyRef": {"name": "suture-database", "key": "password"}}}
    ]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    [ingress] = [each for each in made if each["kind"] == "Ingress"]
    assert [path["path"] for path in ingress["spec"]["rules"][0]["http"]["paths"]] == ["/in"]


# -- the others


def test_the_image_s_recipe_is_good_to_hadolint() -> None:
    said(judge("hadolint"), DEPLOY / "Dockerfile")


def test_the_compose_file_is_good_to_compose_and_asks_for_its_password() -> None:
    command = [judge("docker-compose"), "-f", str(DEPLOY / "compose.yaml"), "config", "--services"]
    for given, services, complaint in (({"DATABASE_PASSWORD": "invented"}, {"database", *ROLES}, ""), ({}, set(), "deploy/.env")):
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, env={"PATH": os.environ["PATH"], **given})
        assert set(ran.stdout.split()) == services
        assert complaint in ran.stderr


def test_the_unit_is_good_to_systemd_and_hardly_exposed(tmp_path: Path) -> None:
    analyze = judge("systemd-analyze")
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/suture/bin/suture", sys.executable))
    ran = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
    # in tenths: 1.5 of 10 at most, where a service without any hardening has 9.6
    said(analyze, "security", "--offline=true", "--threshold=15", unit)


def test_the_alert_rules_are_good_to_prometheus_and_ask_for_figures_that_are_told() -> None:
    rules = yaml.safe_load((DEPLOY / "alerts.yaml").read_text())
    asked = {name for group in rules["groups"] for rule in group["rules"] for name in re.findall(r"\bsuture_\w+", rule["expr"])}
    told = set(re.findall(r"\"(suture_\w+)\"", (ROOT / "suture/runtime/telemetry.py").read_text()))
    assert asked <= told
    assert len(asked) >= 6
    said(judge("promtool"), "check", "rules", DEPLOY / "alerts.yaml")

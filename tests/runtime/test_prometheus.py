"""A real Prometheus scrapes a network at work and knows the shipped rules; promtool says when each of them fires."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from suture.runtime.network import read_network
from suture.runtime.serving import Serving
from tests.runtime.loopback import Loopback, filed, free_port, until, webhook

RULES = Path(__file__).resolve().parents[2] / "deploy" / "alerts.yaml"


def judge(name: str) -> str:
    """A program that somebody else wrote; without it the test skips."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not on this machine")
    return found


@asynccontextmanager
async def prometheus(folder: Path, target: str) -> AsyncIterator[str]:
    """A server of our own that scrapes ``target`` every half second, below a folder; yields its address."""
    config = {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "400ms", "evaluation_interval": "500ms"},
        "rule_files": [str(RULES)],
        "scrape_configs": [{"job_name": "suture", "static_configs": [{"targets": [target]}]}],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [
            judge("prometheus"),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address={address}",
            "--log.level=error",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(20)


async def asked(address: str, path: str, **query: str) -> Any:
    """What its API answers; None while it does not."""

    def ask() -> Any:
        try:
            with urllib.request.urlopen(f"{address}{path}?{urllib.parse.urlencode(query)}", timeout=5) as reply:
                return json.load(reply)["data"]
        except (urllib.error.URLError, ConnectionError):
            return None

    return await asyncio.to_thread(ask)


async def value(address: str, expression: str) -> float | None:
    """What an expression comes to; None while it comes to nothing."""
    data = await asked(address, "/api/v1/query", query=expression)
    return float(data["result"][0]["value"][1]) if data and data["result"] else None


def test_a_real_prometheus_scrapes_a_network_at_work(tmp_path: Path) -> None:
    judge("prometheus")
    asyncio.run(asyncio.wait_for(scraped(tmp_path), 90))


async def scraped(folder: Path) -> None:
    async with Loopback(folder) as house:
        served = Serving(read_network(house.write_network()), folder)
        await served.start()
        try:
            http = served.listening.split(", ")[0]
            async with prometheus(folder, http.removeprefix("http://")) as address:
                async with webhook(http) as link:
                    await link.perform(filed(house.requisition(1)))
                await until(lambda: house.dropped(), "the order goes out")

                async def told() -> bool:
                    delivered = 'sum(suture_conversations_total{counterpart="erp-north",outcome="done"})'
                    return await value(address, "suture_ready") == 1 and (await value(address, delivered) or 0) >= 1

                await until(told, "Prometheus has what the network tells", 40)
                assert await value(address, 'suture_messages_total{counterpart="procurement"}') == 1
                assert await value(address, "histogram_quantile(0.5, sum by (le) (suture_delivery_seconds_bucket))") is not None
                groups = (await asked(address, "/api/v1/rules"))["groups"]
                rules = [rule for group in groups for rule in group["rules"]]
                assert len(rules) == len(yaml.safe_load(RULES.read_text())["groups"][0]["rules"])
                assert [rule["name"] for rule in rules if rule["health"] == "err"] == []
                assert [rule["name"] for rule in rules if rule["state"] == "firing"] == []
        finally:
            await served.stop()


#: For each of some rules: the series that should make it fire, after how long, and whom it then names.
FIRES: dict[str, tuple[dict[str, str], str, dict[str, str]]] = {
    "SutureNotReady": ({'suture_ready{instance="a"}': "0x10"}, "3m", {"instance": "a"}),
    "SutureDoubtWaits": (
        {'suture_open_deliveries{counterpart="erp",status="unknown"}': "1x60"},
        "40m",
        {"counterpart": "erp"},
    ),
    "SutureBacklogGrowsOld": (
        {'suture_oldest_delivery_seconds{counterpart="erp",status="queued"}': "3700+60x20"},
        "10m",
        {"counterpart": "erp"},
    ),
    "SutureBreakerOpen": ({'suture_breaker{counterpart="bank"}': "2x30"}, "15m", {"counterpart": "bank"}),
}


@pytest.mark.parametrize("name", FIRES)
def test_a_rule_fires_when_it_should_and_not_before(name: str, tmp_path: Path) -> None:
    promtool, (series, after, labels) = judge("promtool"), FIRES[name]
    rule = next(rule for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"] if rule["alert"] == name)
    summary = rule["annotations"]["summary"]
    for label, said in labels.items():
        summary = summary.replace(f"{{{{ $labels.{label} }}}}", said)
    firing = [{"exp_labels": {**rule["labels"], **labels}, "exp_annotations": {"summary": summary}}]
    test = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": each, "values": values} for each, values in series.items()],
                "alert_rule_test": [
                    {"eval_time": "0m", "alertname": name, "exp_alerts": []},
                    {"eval_time": after, "alertname": name, "exp_alerts": firing},
                ],
            }
        ],
    }
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(test))
    ran = subprocess.run(
        [promtool, "test", "rules", tmp_path / "test.yaml"], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr

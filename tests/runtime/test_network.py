"""The network file: who plays a role for whom, what is wrong with it, and credentials that are named and never shown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from suture.cli.scaffolds import NETWORK
from suture.extensions import found
from suture.formats import Format
from suture.processes import Process
from suture.runtime.checks import check
from suture.runtime.network import BadNetwork, Instance, Network, read_network
from suture.runtime.secrets import NoSecret, secret
from suture.systems import System

SYSTEMS = found("suture.systems", "SYSTEM", System)
FORMATS = found("suture.formats", "FORMAT", Format)
PROCESSES = found("suture.processes", "PROCESS", Process)


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "network.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# -- reading


def test_the_file_that_suture_new_writes_can_be_read_and_checked(tmp_path: Path) -> None:
    network = read_network(written(tmp_path, NETWORK))
    bank = network.instance("bank")
    assert bank is not None
    assert (bank.role, bank.profile.partner, bank.listen["in"]) == ("bank", "BANK", "file:///srv/exchange/bank/from")
    assert network.instance("nobody") is None
    assert [finding for finding in check(network, SYSTEMS, FORMATS, PROCESSES) if finding.severity == "error"] == []


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        (b"name = ?", "not_toml", "line 1"),
        (b"\xff\xfe", "not_toml", "utf-8"),
        (b'name = "x"\nports = 8080', "wrong_field", "ports"),
        (b'name = "x"\nport = "8080"', "wrong_field", "$.port"),
        (b'name = "x"\n[[instances]]\nname = "erp"', "wrong_field", "system"),
        (b'name = "x"\n[[instances]]\nname = "erp"\nsystem = "erp_rest"\nmode = "dead"', "wrong_field", "$.instances[0].mode"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(tmp_path: Path, text: bytes, code: str, told: str) -> None:
    with pytest.raises(BadNetwork) as bad:
        read_network(written(tmp_path, text))
    (finding,) = bad.value.findings
    assert finding.code == code
    assert finding.path == str(tmp_path / "network.toml")
    assert told in finding.text


def test_a_file_that_is_not_there_or_is_a_folder(tmp_path: Path) -> None:
    for path, code in ((tmp_path / "absent.toml", "no_file"), (tmp_path, "unreadable")):
        with pytest.raises(BadNetwork) as bad:
            read_network(path)
        assert [finding.code for finding in bad.value.findings] == [code]


# -- routing


def instance(name: str, **more: Any) -> Instance:
    return Instance(name=name, system="erp_rest", role="erp", **more)


def test_the_most_narrowly_declared_plays_the_role_and_ties_go_in_file_order() -> None:
    group = instance("group")
    north, other = instance("north", entities=("NORTH",)), instance("other", entities=("NORTH",))
    icu = instance("icu", entities=("NORTH",), facilities=("NSH",))
    network = Network(name="n", instances=(group, north, other, icu))
    assert network.route("erp", entity="LAKE") is group
    assert network.route("erp", entity="NORTH", facility="NSC") is north
    assert network.route("erp", entity="NORTH", facility="NSH") is icu
    assert network.route("bank") is None


@pytest.mark.parametrize("mode", ["shadow", "canary", "retired"])
def test_only_live_instances_are_sent_to(mode: Any) -> None:
    assert Network(name="n", instances=(instance("erp", mode=mode),)).route("erp") is None


def test_a_blank_does_not_narrow() -> None:
    narrow = instance("alder", suppliers=("ALDER",))
    assert narrow.serves(entity="", facility="", supplier="")
    assert narrow.serves(entity="NORTH", facility="NSH", supplier="ALDER")
    assert not narrow.serves(entity="", facility="", supplier="BIRCH")


# -- checks


def codes(*instances: Instance) -> set[tuple[str, str, str]]:
    findings = check(Network(name="n", instances=instances), SYSTEMS, FORMATS, PROCESSES)
    return {(finding.code, finding.path, finding.severity) for finding in findings if finding.code != "role_unplayed"}


def supplier(**more: Any) -> Instance:
    fields = {"address": "file:///srv/to", "listen": {"in": "file:///srv/from"}, "owner": "team"} | more
    return Instance(name="alder", system="supplier_x12", role="supplier", **fields)


def test_a_sound_instance_has_nothing_wrong() -> None:
    assert codes(supplier()) == set()
    sftp = {"in": "sftp://suture@files.example/from"}
    assert codes(supplier(address="sftp://suture@files.example/to", listen=sftp, client_key="env:KEY")) == set()


@pytest.mark.parametrize("place", ["secret", "token", "password", "host_key", "client_key"])
def test_a_credential_in_the_file_is_an_error(place: str) -> None:
    assert codes(supplier(**{place: "hunter2"})) == {("secret_in_file", f"instances.alder.{place}", "error")}


def test_what_comes_in_needs_a_place_to_come_to() -> None:
    assert codes(supplier(listen={})) == {("no_listen", "instances.alder.listen.in", "warning")}
    assert codes(supplier(listen={"in": "mllp://127.0.0.1"})) == {("bad_listen", "instances.alder.listen.in", "error")}
    ways = {"in": "file:///srv/from", "out": "file:///srv/out"}
    assert codes(supplier(listen=ways)) == {("unknown_channel", "instances.alder.listen.out", "error")}


def test_a_webhook_without_a_secret_is_warned_of_and_needs_no_place() -> None:
    erp = Instance(name="erp", system="erp_rest", role="erp", address="https://erp.example", owner="team")
    assert codes(erp) == {("unsigned", "instances.erp.secret", "warning")}


def test_names_systems_addresses_and_owners() -> None:
    assert ("name_taken", "instances.alder", "error") in codes(supplier(), supplier())
    assert codes(supplier(address="")) == {("no_address", "instances.alder.address", "error")}
    assert codes(supplier(address="gopher://x")) == {("bad_address", "instances.alder.address", "error")}
    assert codes(supplier(owner="")) == {("no_owner", "instances.alder.owner", "error")}
    assert codes(Instance(name="x", system="no_such", owner="team")) == {("unknown_system", "instances.x.system", "error")}


# -- credentials


def test_a_credential_is_fetched_from_where_it_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERP_TOKEN", "from the environment")
    (tmp_path / "key").write_text("from a file\n")
    assert secret("env:ERP_TOKEN") == "from the environment"
    assert secret(f"file:{tmp_path}/key") == "from a file"
    assert secret("") == ""


def test_a_file_of_a_secret_is_found_from_where_the_network_file_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "erp").write_text("beside the network file\n")
    file = tmp_path / "north.toml"
    file.write_text(
        'name = "north"\n[[instances]]\nname = "erp"\nsystem = "erp_rest"\ntoken = "file:keys/erp"\nsecret = "env:X"\n'
    )
    monkeypatch.chdir(tmp_path.parent)
    (instance,) = read_network(file).instances
    assert secret(instance.token) == "beside the network file"
    assert (instance.secret, instance.password) == ("env:X", "")
    monkeypatch.chdir(tmp_path)
    (relative,) = read_network(Path("north.toml")).instances
    monkeypatch.chdir("/")
    assert secret(relative.token) == "beside the network file"


def test_an_empty_place_is_told_and_content_never(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    assert "NOT_SET" not in os.environ
    for name in ("env:NOT_SET", f"file:{tmp_path}/absent", f"file:{tmp_path}/empty", f"file:{tmp_path}"):
        with pytest.raises(NoSecret, match=name):
            secret(name)
    with pytest.raises(NoSecret) as told:
        secret("hunter2")
    assert "hunter2" not in str(told.value)


def test_data_lies_only_where_the_house_allows_it() -> None:
    rules = {"patient": ("on-premises",), "financial": ("on-premises", "EU")}
    theirs = structs.replace(supplier(), region="US")
    placed = Network(name="n", region="on-premises", residency=rules, instances=(theirs,))
    wrong = [finding for finding in check(placed, SYSTEMS, FORMATS, PROCESSES) if finding.code == "bad_placement"]
    assert [finding.path for finding in wrong] == ["instances.alder.region"]
    assert "financial" in wrong[0].text
    for good in (
        structs.replace(placed, instances=(structs.replace(theirs, region="EU"),)),
        structs.replace(placed, residency={}),
    ):
        assert "bad_placement" not in {finding.code for finding in check(good, SYSTEMS, FORMATS, PROCESSES)}
    nowhere = structs.replace(placed, region="", instances=(structs.replace(theirs, region=""),))
    silent = [finding.text for finding in check(nowhere, SYSTEMS, FORMATS, PROCESSES) if finding.code == "bad_placement"]
    assert len(silent) == 3
    assert all("does not say where" in text for text in silent)

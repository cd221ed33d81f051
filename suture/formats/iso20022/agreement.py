"""What a hospital and its bank agree on: message versions, the account to debit, and how the debtor calls itself.

Options of the profile, each for all entities (``debtor_account``) or for one (``debtor_account.E1``):

- ``version``: ``09`` (pain.001.001.09, pain.002.001.10, camt.054.001.08), the default, or ``03`` (.03, .03, .02)
- ``debtor_name``, ``debtor_account`` (IBAN or number), ``debtor_routing`` (BIC, clearing member, or empty with an IBAN)
- ``debtor_street``, ``debtor_building``, ``debtor_postcode``, ``debtor_town``, ``debtor_country``: a structured address
- ``service_level`` (``SEPA``, ``URGP``, ...), ``charges`` (``SLEV``, ``SHAR``, ``DEBT``), ``clearing_system`` (``USABA``)
- ``characters`` (``sepa`` or ``utf-8``), ``remittance`` (``structured`` or ``unstructured``)
"""

from __future__ import annotations

from msgspec import Struct

from suture.formats.format import Profile


class Version(Struct, frozen=True):
    """One generation of messages that belong together; ``modern`` since the release of 2019 (BICFI, choices for dates)."""

    instruction: str
    report: str
    notification: str
    modern: bool


VERSIONS = {
    "03": Version("pain.001.001.03", "pain.002.001.03", "camt.054.001.02", False),
    "09": Version("pain.001.001.09", "pain.002.001.10", "camt.054.001.08", True),
}


def version(profile: Profile) -> Version:
    """The agreed generation; an unknown one is taken for the newest."""
    return VERSIONS.get(profile.options.get("version", ""), VERSIONS["09"])


def option(profile: Profile, name: str, entity: str = "") -> str:
    """The entity's own value of an option, else everybody's, else ""."""
    return profile.options.get(f"{name}.{entity}", profile.options.get(name, ""))

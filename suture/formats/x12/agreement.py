"""What two partners agreed on for X12: the profile and its options, checked once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

from msgspec import Struct

from suture.formats.format import Profile
from suture.formats.scalars import as_utc, zone

#: Offsets from UTC, in hours, of the time codes (data element 623) that name one; ``LT`` is the partner's local time.
_OFFSETS = {"UT": 0, "GM": 0, "AS": -4, "AD": -3, "ES": -5, "ED": -4, "CS": -6, "CD": -5, "MS": -7, "MD": -6, "PS": -8, "PD": -7}
#: Time codes that name a zone and leave summer time to its calendar.
_ZONES = {"ET": "America/New_York", "CT": "America/Chicago", "MT": "America/Denver", "PT": "America/Los_Angeles"}


class Agreement(Struct, frozen=True, kw_only=True):
    """A profile as X12 needs it.

    Options: ``isa_qualifier_us`` and ``isa_qualifier_partner`` (ISA05/07, "ZZ"), ``gs_us`` and ``gs_partner`` (GS02/03, the
    names), ``version`` (GS08, "004010"; ISA12 follows it), ``isa_version`` (an ISA12 outside 00400 to 00801 that is accepted),
    ``usage`` (ISA15, "P"; when given, interchanges of another usage are refused), ``names`` ("checked" refuses interchanges
    that are not from the partner to us), ``currency`` ("USD", where a set has no CUR), ``item_qualifier`` ("IN", the kind of
    product id that is the document's item), ``cost_center`` (for order lines without one).
    """

    us: str
    partner: str
    qualifier_us: str
    qualifier_partner: str
    gs_us: str
    gs_partner: str
    version: str
    isa_version: str
    usage: str
    usage_checked: bool
    names_checked: bool
    currency: str
    item_qualifier: str
    cost_center: str
    zone: tzinfo

    @classmethod
    def of(cls, profile: Profile) -> Agreement:
        """The agreement in a profile; raises ValueError for a time zone that does not exist."""
        options: Mapping[str, str] = profile.options
        return cls(
            us=profile.us,
            partner=profile.partner,
            qualifier_us=options.get("isa_qualifier_us", "ZZ"),
            qualifier_partner=options.get("isa_qualifier_partner", "ZZ"),
            gs_us=options.get("gs_us", profile.us),
            gs_partner=options.get("gs_partner", profile.partner),
            version=options.get("version", "004010"),
            isa_version=options.get("isa_version", ""),
            usage=options.get("usage", "P"),
            usage_checked="usage" in options,
            names_checked=options.get("names") == "checked",
            currency=options.get("currency", "USD"),
            item_qualifier=options.get("item_qualifier", "IN"),
            cost_center=options.get("cost_center", ""),
            zone=zone(profile.timezone),
        )

    def moment(self, day: date, clock: time, code: str = "") -> datetime:
        """A partner's date and time in UTC: in the zone of the time code, else in the agreed zone; raises ValueError."""
        return as_utc(datetime.combine(day, clock, tzinfo=self._zone(code)))

    def _zone(self, code: str) -> tzinfo:
        if code in _OFFSETS:
            return timezone(timedelta(hours=_OFFSETS[code])) if _OFFSETS[code] else UTC
        if code in _ZONES:
            return zone(_ZONES[code])
        if code in ("", "LT"):
            return self.zone
        raise ValueError(f"time code {code} is none that we know")

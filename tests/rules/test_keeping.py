"""Retention: so many days for each class, as the policy or else as law and custom say."""

from __future__ import annotations

from typing import Any

import pytest

from suture.model.classes import KEPT_DAYS
from suture.processes.cast import policy
from suture.rules.keeping import NAME, check_retention, kept_days


def test_the_policy_says_for_what_it_names_and_the_house_for_the_rest() -> None:
    said = policy(NAME, patient="90", financial=4018)
    assert (kept_days(said, "patient"), kept_days(said, "financial")) == (90, 4018)
    assert kept_days(said, "internal") == kept_days(None, "internal") == KEPT_DAYS["internal"]


@pytest.mark.parametrize(
    "values", [{"patient": "30"}, {"patient": "40.5"}, {"patient": "ever"}, {"patients": "90"}, {"public": 9**9}]
)
def test_what_would_destroy_at_once_or_by_a_slip_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"the policy's|no class"):
        check_retention(values)
    with pytest.raises(ValueError, match=r"the policy's|no class"):
        kept_days(policy(NAME, **values), "internal")

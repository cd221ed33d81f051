"""Shares: one owner for each part, nobody has more than its share, and little moves when somebody comes or goes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from suture.runtime.share import ROLES, Role, Share, busy, fair, lane, mine, partition

PARTS: dict[str, Role] = {
    **{partition(number): "worker" for number in range(16)},
    **{lane(f"erp-{number}"): "deliver" for number in range(9)},
}
names = st.lists(st.text("abcdef", min_size=1, max_size=6), min_size=1, max_size=7, unique=True)


@given(names)
def test_every_part_has_one_owner_and_nobody_more_than_its_share(workers: list[str]) -> None:
    owners = fair(PARTS, [(worker, ROLES) for worker in workers])
    assert set(owners) == set(PARTS)
    for count in (16, 9):
        shares = [sum(PARTS[part] == ("worker" if count == 16 else "deliver") for part in mine(owners, one)) for one in workers]
        assert max(shares) <= -(-count // len(workers))


@given(names, st.permutations(range(7)))
def test_everybody_computes_the_same(workers: list[str], order: list[int]) -> None:
    members = [(worker, ROLES) for worker in workers]
    assert fair(PARTS, members) == fair(PARTS, [members[place] for place in order if place < len(members)])


def test_when_one_of_four_goes_most_parts_stay() -> None:
    before = fair(PARTS, [(worker, ROLES) for worker in "abcd"])
    after = fair(PARTS, [(worker, ROLES) for worker in "abc"])
    moved = sum(before[part] != after[part] for part in PARTS if before[part] != "d")
    assert moved <= len(PARTS) // 3


def test_roles_get_only_what_is_theirs() -> None:
    owners = fair(PARTS, [("g", ("gateway",)), ("w", ("worker",))])
    assert set(owners.values()) == {"w"}
    assert all(part.startswith("work/") for part in owners)


def test_a_share_knows_its_partitions_and_instances() -> None:
    share = Share(frozenset({partition(3), lane("erp-1")}))
    assert (share.partitions(16), share.delivers("erp-1"), share.delivers("erp-2")) == ([3], True, False)
    assert Share().partitions(2) == [0, 1]
    assert busy([partition(3), lane("erp-1")], ["erp-1", "erp-2"]) == {lane("erp-1")}


@given(st.integers(0, 40), st.booleans())
def test_together_they_call_an_instance_no_oftener_than_it_takes(gateways: int, owner_is_one: bool) -> None:
    beside = gateways - 1
    owner = Share(frozenset({lane("erp")}), gateways if not owner_is_one else max(0, beside))
    others = [Share(frozenset({lane("bank")}), beside)] * (gateways - owner_is_one if gateways else 0)
    rates = [each.of_rate("erp") for each in (owner, *others)]
    assert sum(rates) <= 1 + 1e-9
    assert min(rates) > 0
    assert owner.of_rate("erp") == (1.0 if not others else 0.75)

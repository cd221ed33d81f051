"""Where something goes: the instance that the policy ``routing`` names, or the one that the network file declares for it."""

from __future__ import annotations

from collections.abc import Iterable

from suture.rules.routing import Matter, Rule, routed
from suture.runtime.network import Instance, Network


class NoRoute(LookupError):
    """No live instance of the network plays a role for a document; nothing of the decision is done."""


def destination(network: Network, rules: Iterable[Rule], matter: Matter) -> Instance:
    """The one instance; raises NoRoute, also where a policy names one that cannot take it."""
    if said := routed(rules, matter):
        return _named(network, said, matter.role)
    instance = network.route(matter.role, entity=matter.entity, facility=matter.facility, supplier=matter.supplier)
    if instance is None:
        where = ", ".join(part for part in (matter.entity, matter.facility, matter.supplier) if part) or "this document"
        raise NoRoute(f"nobody plays {matter.role!r} for {where}")
    return instance


def _named(network: Network, name: str, role: str) -> Instance:
    instance = network.instance(name)
    if instance is None or instance.role != role or instance.mode != "live":
        why = "which the network does not know" if instance is None else f"a {instance.mode} {instance.role or 'nobody'}"
        raise NoRoute(f"the policy routing names {name} for {role!r}, {why}")
    return instance

"""The handshake before the first event: an address is asked whether it wants to be sent any, and agrees in its answer.

CloudEvents HTTP 1.1 Web Hooks for Event Delivery 1.0.2, section 4: OPTIONS with ``WebHook-Request-Origin``, the sender's name, is
answered 2xx with ``WebHook-Allowed-Origin``, the same name or ``*``. Whoever names an address that is not theirs makes us ask it
once in a while, and no more.
"""

from __future__ import annotations

import re

from suture.transports.exchange import Http, HttpReply

_ASKS, _ALLOWS = "WebHook-Request-Origin", "webhook-allowed-origin"


def origin_of(network: str) -> str:
    """The name of a network in the form of a DNS name, for a house without an address of its own."""
    return re.sub(r"[^a-z0-9.-]+", "-", network.lower()).strip("-.") or "suture"


def question(origin: str) -> Http:
    """What the address is asked in the name of ``origin``, the DNS name under which this house sends."""
    return Http(method="OPTIONS", path="", headers={_ASKS: origin})


def objection(reply: HttpReply, origin: str) -> str:
    """Why an answer is no agreement; empty if it is one."""
    allowed = reply.headers.get(_ALLOWS, "").strip()
    if not 200 <= reply.status < 300:
        return f"it has not agreed to be sent events: it answers {reply.status} to OPTIONS"
    if not allowed:
        return "it has not agreed to be sent events: it answers OPTIONS without WebHook-Allowed-Origin"
    if allowed != "*" and allowed.lower() != origin.lower():
        return "it has not agreed to be sent events: its WebHook-Allowed-Origin names another sender"
    return ""

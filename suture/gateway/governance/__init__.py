"""Governance: every API, event, document, mapping, flow and policy has an owner, a version, a class and a criticality."""

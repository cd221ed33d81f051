"""The gateway: business capabilities as governed operations, and who may do what."""

from suture.gateway.access import ANYTHING, ROLES, About, Access, BadAccess, Caller, Verdict, read_access

__all__ = ["ANYTHING", "ROLES", "About", "Access", "BadAccess", "Caller", "Verdict", "read_access"]

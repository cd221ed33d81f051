"""Evidence: the whole chain behind a payment or document as one file that an auditor can read and anybody can verify."""

from suture.gateway.evidence.gathering import Unknown, evidence
from suture.gateway.evidence.pack import Evidence, Fact, Item
from suture.gateway.evidence.page import page
from suture.gateway.evidence.scope import Ambiguous

__all__ = ["Ambiguous", "Evidence", "Fact", "Item", "Unknown", "evidence", "page"]

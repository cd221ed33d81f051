"""Masters give every object one identity across the systems that each call it something else."""

from suture.masters.crosswalk import Book, Clash, Lookup, Unknown, translate, written_on
from suture.masters.nearest import Nearest

__all__ = ["Book", "Clash", "Lookup", "Nearest", "Unknown", "translate", "written_on"]

"""Views are read models: folds over the journal, each recomputable at any time; none of them decides anything."""

from suture.views.events import history
from suture.views.exceptions import OpenException, exceptions
from suture.views.journey import Journey, journey
from suture.views.ledger import Ledger, ledger

__all__ = ["Journey", "Ledger", "OpenException", "exceptions", "history", "journey", "ledger"]

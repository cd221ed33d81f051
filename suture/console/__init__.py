"""The console: one operational picture in the browser, rendered on the server, one more reader of the journal."""

from suture.console.app import console_app
from suture.console.desk import Desk
from suture.console.page import Action, Ask, Missing, Page
from suture.console.sessions import Sessions

__all__ = ["Action", "Ask", "Desk", "Missing", "Page", "Sessions", "console_app"]

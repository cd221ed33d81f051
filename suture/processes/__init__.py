"""Processes are pure decisions keyed by a business key; ``PROCESS = Process(...)`` in a module here adds one.

Law: ``(state, event, seen) -> (state, effects)``; late, early, doubled and out-of-order events are normal input.
"""

from suture.processes.process import (
    Ask,
    Effect,
    Emit,
    Example,
    Handler,
    Needs,
    Process,
    Raise,
    Resolve,
    Seen,
    Send,
    Step,
    Wait,
)

__all__ = [
    "Ask",
    "Effect",
    "Emit",
    "Example",
    "Handler",
    "Needs",
    "Process",
    "Raise",
    "Resolve",
    "Seen",
    "Send",
    "Step",
    "Wait",
]

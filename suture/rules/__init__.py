"""Rules are small pure functions over masters and versioned policy data; a process asks them, and tells what they answered.

Law: a rule knows no state, no clock and no effect; the same arguments give the same answer for ever. A reason that it gives
is a code or a sentence that a clerk can act on. To add one, add a module and import it where it decides.
"""

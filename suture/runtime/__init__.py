"""The runtime is the river itself: intake, decide, deliver, the clock, and the wiring that joins them.

Law: a step commits everything that belongs together in one unit, and nothing leaves the house before its unit is committed.
"""

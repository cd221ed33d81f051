"""Business capabilities as versioned APIs, one in a file; ``OPERATION = Operation(...)`` in a module here adds one.

Law: an operation reaches processes, master data, and systems through ``Inside`` alone; it opens no link and no journal.
"""

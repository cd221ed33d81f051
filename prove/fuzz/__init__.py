"""Parsers under fire: damaged, hostile and random inputs, each parser in a process of its own with limits set by the kernel.

``damage`` makes inputs from messages, ``hostile`` makes the enormous ones, ``targets`` says what a parser owes, ``worker`` is the
process that tries them, ``watch`` starts workers and gathers what they saw, ``guided`` lets coverage choose (atheris).
"""

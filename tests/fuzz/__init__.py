"""Fuzzing: whatever is read ends in a valid result or in an error that teaches, and the core keeps its invariants.

The default run is small and always tries the same examples. The nightly size tries a hundred times as many, other ones
each time, and takes about an hour on one core::

    STABCERT_FUZZ=nightly python -m pytest tests/fuzz

(A number instead is how many times as many.) What it finds it prints with the lines that reproduce it; `hypothesis`
remembers it in ``.hypothesis``.
"""

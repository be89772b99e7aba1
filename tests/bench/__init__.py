"""How fast it is, against a plain implementation and against the bare model: ``python -m tests.bench``."""

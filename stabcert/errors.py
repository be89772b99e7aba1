"""Everything a user is shown when something cannot be done.

A message says what was given, what is possible, and what to type next. Any other exception that
reaches the user is a bug in stabcert.
"""


class StabcertError(Exception):
    """Base of the errors that are a user's business."""


class InputError(StabcertError):
    """An image, text, mask or record that cannot be used."""


class ModelError(StabcertError):
    """A model that cannot be loaded or run."""


class ParameterError(StabcertError):
    """A request that is wrong or that cannot be met, whatever the input."""

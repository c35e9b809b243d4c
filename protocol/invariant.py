"""The error for what must be: our own program broke its own rule. faild ends with it (exit 70), and its guard acts."""


class InvariantBroken(Exception):
    """A bug of ours. The text says which rule was broken, with the values that broke it."""

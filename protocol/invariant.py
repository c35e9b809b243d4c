"""The error for what must be: our own program broke its own rule. faild ends with it (exit 70), and its guard acts.

    must(epoch > known, f"the claim of epoch {epoch} is not above {known}")

`assert` would say the same, and `python -O` would take it away. What a peer, an operator, a file or a disk may do wrong is no
such rule: that is refused with a sentence of its own.
"""


class InvariantBroken(Exception):
    """A bug of ours. The text says which rule was broken, with the values that broke it."""


def must(holds: object, rule: str) -> None:
    """Raises InvariantBroken where the rule does not hold."""
    if not holds:
        raise InvariantBroken(rule)

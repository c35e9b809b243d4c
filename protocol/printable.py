"""Text from outside on one line: what an operator, a peer or a script wrote must not draw on a terminal nor forge a line.

    printable("new kernel")             # the same
    printable("x" + chr(10) + "y")      # what was a line end is now the six letters of its number, as in JSON

The code that makes a sentence cleans it; what is stored and signed stays as it was written.
"""


def printable(text: str) -> str:
    """Every letter that has no picture of its own (also line ends, and what turns the direction of writing) as its number."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in text)

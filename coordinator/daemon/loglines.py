"""How the text log of `faild` is written: one line for each message, whatever a peer, an operator or a script put into it."""

import logging

from protocol.printable import printable


class OneLine(logging.Formatter):
    """A traceback behind the message keeps its lines: it is ours."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = printable(record.message)
        return super().formatMessage(record)

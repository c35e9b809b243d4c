"""How the text log of `faild` is written: one line for each message, whatever a peer, an operator or a script put into it."""

import logging
import time

from protocol.printable import printable


class OneLine(logging.Formatter):
    """In UTC, as every tool prints times. A traceback behind the message keeps its lines: it is ours."""

    converter = staticmethod(time.gmtime)

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = printable(record.message)
        return super().formatMessage(record)

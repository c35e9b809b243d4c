"""What comes to the control socket and is no HTTP: counted by reason, and not worth a traceback in the text log.

    malformed = Malformed(door.counts)
    web.AppRunner(app, logger=malformed.logger)

The library would log each such request with a traceback of its own parser, and a program that may open the socket could fill
the log. An error in one of our handlers is a bug of ours, and is logged as it was.
"""

import logging
from collections import Counter

from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError

from protocol.refusals import Reason

THEIRS = (HttpProcessingError, RequestPayloadError, ConnectionError)
"""They broke the protocol, or went away."""


class Malformed(logging.Filter):
    def __init__(self, counts: Counter[str]) -> None:
        super().__init__()
        self._counts = counts
        self.logger = logging.Logger("failover.control")
        self.logger.parent = logging.getLogger("failover")
        self.logger.addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, THEIRS):
            self._counts[Reason.GARBAGE] += 1
            return False
        return True

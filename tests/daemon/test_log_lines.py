"""The text log of `faild`: one event is one line, whatever it is about."""

import io
import logging

from coordinator.daemon.log_format import OneLine


def logged(text: str, **how: object) -> str:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(OneLine("%(message)s"))
    handler.handle(logging.LogRecord("failover", logging.INFO, __file__, 1, "%s", (text,), how.get("exc_info")))  # type: ignore[arg-type]
    return out.getvalue()


def test_a_peers_words_make_no_second_line_and_no_escape_sequence():
    assert logged("x\n09:00:00.000 genesis claims web\x1b[2J") == "x\\u000a09:00:00.000 genesis claims web\\u001b[2J\n"


def test_a_traceback_keeps_its_lines():
    try:
        raise ValueError("a bug")
    except ValueError as error:
        said = logged("x", exc_info=(type(error), error, error.__traceback__))
    assert said.startswith("x\nTraceback")
    assert said.endswith("ValueError: a bug\n")

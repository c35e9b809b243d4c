"""Talking to a node over its control socket: questions whose answers are JSON, and streams of lines.

ask = connect()                             # from --state, --connect and the environment
ask.get("/status")                          # the JSON, or Trouble with words and exit code 3
ask.post("/command", {...})                 # (HTTP status, JSON)
for line in ask.lines("/events?format=jsonl"): ...
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.cli.trouble import UNREACHABLE, USAGE, Trouble
from tools.failc.http import Connection, NotHttp
from tools.failc.settings import settings

ANSWER_S = 10.0
"""A node answers in a millisecond; one that is so late is stopped or overloaded."""


class Node:
    """One node to ask; a connection is kept until it breaks."""

    def __init__(self, path: Path | None, host: str = ""):
        self.path = path
        self.host = host
        self.where = str(path) if path else f"http://{host}"
        self._connection: Connection | None = None

    def get(self, route: str) -> dict[str, Any]:
        """The JSON of a route. Raises Trouble."""
        code, body = self.ask("GET", route)
        if code != 200:
            raise Trouble(f"{self.where}: {body.get('error', f'answered {code}')}", UNREACHABLE)
        return body

    def post(self, route: str, content: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return self.ask("POST", route, json.dumps(content).encode())

    def lines(self, route: str) -> Iterator[bytes]:
        """The lines of a stream as they come; ends when the node closes it."""
        connection = None
        try:
            connection = Connection.open(self.path, self.host, None)
            answer = connection.ask("GET", route)
            if answer.status != 200:
                words = json.loads(answer.read() or b"{}").get("error", f"answered {answer.status}")
                raise Trouble(f"{self.where}: {words}", UNREACHABLE)
            yield from answer.lines()
        except (OSError, NotHttp) as error:
            raise self._unreachable(error) from None
        finally:
            if connection is not None:
                connection.close()

    def ask(self, method: str, route: str, body: bytes = b"") -> tuple[int, dict[str, Any]]:
        """(HTTP status, JSON). Raises Trouble where the node does not answer."""
        connection, self._connection = self._connection, None  # one that breaks is not kept
        try:
            connection = connection or Connection.open(self.path, self.host, ANSWER_S)
            answer = connection.ask(method, route, body)
            content = answer.read()
        except (OSError, NotHttp) as error:
            raise self._unreachable(error) from None
        self._connection = connection
        try:
            value = json.loads(content)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise Trouble(f"{self.where}: answered no JSON ({answer.status}); is a faild listening there?", UNREACHABLE)
        return answer.status, value

    def _unreachable(self, error: Exception) -> Trouble:
        if isinstance(error, PermissionError):
            return Trouble(f"{self.where}: permission denied; ask as a member of the socket's group", UNREACHABLE)
        if isinstance(error, (FileNotFoundError, ConnectionRefusedError)):
            if self.path and _is_bound(self.path):
                said = (
                    "a faild runs whose socket was removed, with its state folder or alone; restart it, its peers have its log"
                )
                return Trouble(f"{self.where}: {said}", UNREACHABLE)
            advice = "start faild, or name its state folder with --state" if self.path else "is the address right?"
            return Trouble(f"{self.where}: no faild listens there; {advice}", UNREACHABLE)
        words = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return Trouble(f"{self.where}: no answer ({words}); is that faild alive?", UNREACHABLE)


def _is_bound(path: Path) -> bool:
    """Whether a process listens on a socket that was made under this name, although nothing stands there any more."""
    try:
        bound = Path("/proc/net/unix").read_text(errors="replace")
    except OSError:
        return False
    names = {str(path.absolute()), str(path.resolve())}
    return any(line.split(maxsplit=7)[7:] and line.split(maxsplit=7)[7] in names for line in bound.splitlines())


def connect() -> Node:
    """The node that the options name. Raises Trouble for a URL that cannot be used."""
    folder, url = settings().target()
    if folder:
        return Node(folder / "control.sock")
    scheme, _, rest = url.partition("://")
    if scheme == "unix" and rest:
        path = Path(rest)
        return Node(path / "control.sock" if path.is_dir() else path)
    if scheme == "http" and rest.strip("/"):
        return Node(None, rest.strip("/"))
    raise Trouble(f'--connect "{url}": write unix:///path/to/control.sock or http://host:port', USAGE)

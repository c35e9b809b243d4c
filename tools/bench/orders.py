"""A signed move whose bytes are ready before the clock starts: what is measured is the cluster, not our signing."""

import base64
import json
import os
import socket
import time
from types import TracebackType

from coordinator.config import read
from protocol.commands import Act, Command, sign_command
from protocol.sshkey import load_private
from tools.failc.asking import Node
from tools.lab.lab import Lab
from tools.lab.place import LabError

VALID_MS = 30_000


class SignedMove:
    """Signs on construction, connects on entering, writes the request in `send`, looks at the answer on leaving."""

    def __init__(self, lab: Lab, asked: str, target: str):
        policy = read(lab.folder / "failover.toml", files=False)
        expires_ms = time.time_ns() // 1_000_000 + VALID_MS
        operator = next(iter(policy.operators))
        self._path = lab.nodes[asked].state / "control.sock"
        found = Node(self._path).get(f"/resolve?word=move&service=web&node={target}")
        command = Command(
            policy.cluster_id, operator, "move", "web", target, "benchmark", 0, found["epoch"], expires_ms, os.urandom(16),
            acts=tuple(Act(*act) for act in found["acts"]),
        )  # fmt: skip
        signed = sign_command(command, load_private(lab.folder / "operator" / "id_ed25519"))
        words = {"command": signed.raw, "signature": signed.signature}
        self._request = _post({name: base64.b64encode(value).decode() for name, value in words.items()})
        self._socket = socket.socket(socket.AF_UNIX)

    def __enter__(self) -> "SignedMove":
        self._socket.settimeout(10)
        self._socket.connect(str(self._path))
        return self

    def send(self) -> None:
        self._socket.sendall(self._request)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._socket:
            answer = self._socket.recv(65536).decode(errors="replace") if kind is None else ""
        if kind is None and not answer.startswith("HTTP/1.1 202"):
            raise LabError(f"the move was not admitted: {answer}")


def _post(body: dict[str, str]) -> bytes:
    content = json.dumps(body).encode()
    head = f"POST /command HTTP/1.1\r\nHost: faild\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content

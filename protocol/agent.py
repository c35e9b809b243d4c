"""The ssh-agent as a signer: the private key stays where it is (draft-miller-ssh-agent, sections 3.5 and 3.6).

    for key in keys():                          # the Ed25519 keys of the agent at SSH_AUTH_SOCK
        blob = sshsig.sign(key, raw, NAMESPACE)

Blocking, with a timeout: an agent may ask its owner first. Only `failc` uses it, never the daemon.
"""

import os
import socket
from pathlib import Path
from typing import NamedTuple

from protocol.keys import UnusableKey
from protocol.refusals import Refused
from protocol.sshkey import ALGORITHM, key_blob, parse_public, public_text, raw_key, ssh_string, ssh_strings

REQUEST_IDENTITIES, IDENTITIES = 11, 12
SIGN_REQUEST, SIGN_RESPONSE = 13, 14
ANSWER_BYTES_MAX = 256 * 1024
"""OpenSSH's own limit for one agent message."""

LIST_TIMEOUT_S = 3.0
SIGN_TIMEOUT_S = 60.0
"""A person may have to confirm."""


class NoAgent(UnusableKey):
    """There is no agent, or it does not answer as one."""


class AgentKey(NamedTuple):
    """One Ed25519 key that an agent holds; a `protocol.sshkey.SshKey`."""

    public: str
    comment: str
    path: Path

    def sign(self, data: bytes) -> bytes:
        """Raises NoAgent where the agent refuses."""
        blob = key_blob(parse_public(self.public))
        answer = _ask(self.path, SIGN_REQUEST, ssh_string(blob) + ssh_string(data) + bytes(4), SIGN_RESPONSE, SIGN_TIMEOUT_S)
        try:
            (signature,) = ssh_strings(answer, 1)
            algorithm, bare = ssh_strings(signature, 2)
        except Refused as error:
            raise NoAgent(f"the agent at {self.path} answered nonsense: {error.text}") from None
        if algorithm != ALGORITHM or len(bare) != 64:
            raise NoAgent(f"the agent at {self.path} signed with {algorithm!r}")
        return bare


def keys(path: Path | None = None) -> list[AgentKey]:
    """The Ed25519 keys of the agent at `path`, or at SSH_AUTH_SOCK; an empty list where neither names one."""
    named = path or os.environ.get("SSH_AUTH_SOCK")
    if not named:
        return []
    where = Path(named)
    answer = _ask(where, REQUEST_IDENTITIES, b"", IDENTITIES, LIST_TIMEOUT_S)
    try:
        parts = ssh_strings(answer[4:], 2 * int.from_bytes(answer[:4], "big"))
    except Refused as error:
        raise NoAgent(f"the agent at {where} answered nonsense: {error.text}") from None
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return [AgentKey(text, comment.decode(errors="replace"), where) for blob, comment in pairs if (text := _ed25519(blob))]


def _ed25519(blob: bytes) -> str | None:
    """The public text of an Ed25519 key; None for the other kinds that an agent may hold."""
    try:
        return public_text(raw_key(blob))
    except (Refused, UnusableKey):
        return None


def _ask(path: Path, kind: int, body: bytes, expected: int, timeout_s: float) -> bytes:
    try:
        with socket.socket(socket.AF_UNIX) as channel:
            channel.settimeout(timeout_s)
            channel.connect(str(path))
            channel.sendall(ssh_string(bytes([kind]) + body))
            length = int.from_bytes(_exactly(channel, 4), "big")
            if not 1 <= length <= ANSWER_BYTES_MAX:
                raise NoAgent(f"the agent at {path} announced {length} bytes")
            answer = _exactly(channel, length)
    except OSError as error:
        raise NoAgent(f"no agent at {path}: {error}; start one, or name a key file with --identity") from None
    if answer[0] != expected:
        raise NoAgent(f"the agent at {path} refused; is the key still in it (ssh-add -l)?")
    return answer[1:]


def _exactly(channel: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = channel.recv(count - len(data))
        if not more:
            raise ConnectionError("it closed the connection")
        data += more
    return data

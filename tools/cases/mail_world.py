"""What stands around a mail gateway: hosts that send a message, and providers that take what comes out of it."""

from pathlib import Path

from tools.cases.findings import CaseFailed
from tools.cases.stage import Stage
from tools.lab.place import LabError
from tools.lab.programs import module

GATEWAY = "10.77.0.100"
PATIENCE_S, CONTROL_S = 30.0, 8.0


def patience_s(stage: Stage) -> float:
    """How long is waited for what comes; in a control, for what does not come."""
    return CONTROL_S if stage.off else PATIENCE_S


class Message:
    """A message on its way from the client to the gateway: posted when this is made."""

    def __init__(self, stage: Stage, name: str, go: Path | None = None):
        self.name, self._stage = name, stage
        self._records = stage.lab.folder / f"{name}.records"
        arguments = [str(self._records), GATEWAY, name, *([str(go)] if go else [])]
        stage.lab.client.start([*module("tools.cases.mailing"), *arguments], stage.lab.folder / f"{name}.log")

    def met(self) -> list[str]:
        """What its attempts met until now."""
        return self._records.read_text().splitlines() if self._records.exists() else []

    def until(self, line: str) -> None:
        """Until an attempt met this. Raises CaseFailed with what they met instead."""
        try:
            self._stage.lab.wait_until(lambda: line in self.met(), "", patience_s(self._stage))
        except LabError:
            raise CaseFailed(f"the message {self.name} did not meet {line!r}, but {self.met()}") from None


class Provider:
    """The next mail server behind a gateway: smtp-sink of postfix, which writes each message that it takes into a file."""

    def __init__(self, stage: Stage, name: str, link: str):
        self.name, self._stage, self.place = name, stage, stage.lab.guest(name, 50, link)
        self._address = "10.77.0.50" if link == "lan" else "10.78.0.50"
        self._folder, self._pid = stage.lab.folder / name, 0
        self._folder.mkdir()

    def start(self, *options: str) -> None:
        """`-r RCPT`: it puts off every recipient, with an answer of 4xx."""
        command = ["smtp-sink", "-u", "root", *options, "-d", f"{self._folder}/message.", f"{self._address}:25", "100"]
        self._pid = self.place.start(command, self._stage.lab.folder / f"{self.name}.log")

    def stop(self) -> None:
        self.place.signal(self._pid, 9)

    def copies(self, message: Message) -> int:
        known = f"Message-ID: <{message.name}@"
        return sum(known in path.read_text() for path in self._folder.iterdir())

    def until_arrived(self, message: Message) -> float:
        """The seconds it took. Raises CaseFailed where it has not come, although a gateway has taken it."""
        try:
            return self._stage.lab.wait_until(lambda: self.copies(message), "", patience_s(self._stage))
        except LabError:
            said = f"the message {message.name} met {message.met()}, and has not come to the {self.name} provider"
            raise CaseFailed(said) from None

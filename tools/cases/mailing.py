"""A mail client with one message: it tries again until a server says 250, as every mailer does. Each attempt writes lines.

    354 NODE    the server waits for the text of the message
    250 NODE    it has taken the message, and the client is done
    -REASON     there was no 250: the client tries again after half a second

The first attempt does not end the message before the file GO exists: so its server can die at a moment that is chosen.

    python -m tools.cases.mailing RECORDS SERVER NAME [GO]

NAME is in the Message-ID, by which copies are known.
"""

import smtplib
import sys
import time
from collections.abc import Callable
from pathlib import Path

TIMEOUT_S = 3.0
"""A server that says nothing for so long is given up."""
AGAIN_S = 0.5
SENDER, RECIPIENT = "client@client.example", "all@elsewhere.example"
TEXT = "From: {sender}\r\nTo: {recipient}\r\nMessage-ID: <{name}@client.example>\r\n\r\nthe message {name}\r\n"


def main(records: str, server: str, name: str, go: str = "") -> None:
    with open(records, "a", buffering=1) as out:

        def note(line: str) -> None:
            out.write(f"{line}\n")

        while not sent(server, name, note, go):
            go = ""
            time.sleep(AGAIN_S)


def sent(server: str, name: str, note: Callable[[str], None], go: str) -> bool:
    """One attempt. Whether the server took the message; each step is noted."""
    smtp = smtplib.SMTP(timeout=TIMEOUT_S)
    try:
        node = smtp.connect(server, 25)[1].decode().split(".")[0]
        for command in ("EHLO client.example", f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{RECIPIENT}>", "DATA"):
            code, said = smtp.docmd(command)
            if code not in (250, 354):
                raise smtplib.SMTPResponseException(code, said)
        note(f"{code} {node}")
        smtp.send(TEXT.format(sender=SENDER, recipient=RECIPIENT, name=name))
        while go and not Path(go).exists():
            time.sleep(0.01)
        code, said = smtp.docmd(".")
        if code != 250:
            raise smtplib.SMTPResponseException(code, said)
    except (OSError, smtplib.SMTPException) as error:
        note(f"-{error}")
        return False
    finally:
        smtp.close()
    note(f"250 {node}")
    return True


if __name__ == "__main__":
    main(*sys.argv[1:])

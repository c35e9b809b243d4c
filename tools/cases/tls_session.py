"""A client that keeps one TLS session: connects 20 times a second with it, and writes who answered and whether it goes on.

TLS 1.2, where a session is known when the handshake ends. One JSON line a connection: {"word": first of the page, "resumed"}.
What cannot be had is tried again with the same session.

    python -m tools.cases.tls_session RECORDS ADDRESS CA-FILE
"""

import json
import socket
import ssl
import sys
import time


def main(records: str, address: str, ca_file: str) -> None:
    context = ssl.create_default_context(cafile=ca_file)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    session: ssl.SSLSession | None = None
    with open(records, "a", buffering=1) as out:
        while True:
            try:
                plain = socket.create_connection((address, 443), timeout=1)
                with context.wrap_socket(plain, server_hostname=address, session=session) as sock:
                    word, resumed, session = ask(sock, address), sock.session_reused, session or sock.session
                out.write(json.dumps({"word": word, "resumed": resumed}) + "\n")
            except (OSError, IndexError):
                pass
            time.sleep(0.05)


def ask(sock: ssl.SSLSocket, address: str) -> str:
    sock.sendall(f"GET / HTTP/1.0\r\nHost: {address}\r\n\r\n".encode())
    text = b"".join(iter(lambda: sock.recv(4096), b"")).decode()
    return text.partition("\r\n\r\n")[2].split()[0]


if __name__ == "__main__":
    main(*sys.argv[1:])

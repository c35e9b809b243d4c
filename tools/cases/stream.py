"""One connection, held open: 50 round trips a second to a server that sends back what it gets.

The client writes a line a round trip, when it was answered (monotonic, ns), and a last one, `-` and why, when the connection
broke: after 8 s without an answer, or by a reset. It never connects again.

    python -m tools.cases.stream serve PORT
    python -m tools.cases.stream RECORDS HOST PORT
"""

import os
import socket
import sys
import time

PATIENCE_S = 8.0


def serve(port: int) -> None:
    with socket.create_server(("0.0.0.0", port)) as server:
        while True:
            connection, _ = server.accept()
            with connection:
                while got := connection.recv(64):
                    connection.sendall(got)


def hold(records: str, host: str, port: int) -> None:
    with open(records, "a", buffering=1) as out:
        try:
            with socket.create_connection((host, port), timeout=PATIENCE_S) as connection:
                while True:
                    connection.sendall(b"x")
                    if not connection.recv(1):
                        raise OSError("closed by the server")
                    out.write(f"{time.monotonic_ns()}\n")
                    time.sleep(0.02)
        except OSError as error:
            out.write(f"-{os.strerror(error.errno) if error.errno else error}\n")


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]))
    else:
        hold(sys.argv[1], sys.argv[2], int(sys.argv[3]))

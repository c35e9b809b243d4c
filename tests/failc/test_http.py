"""The little HTTP that `failc` speaks: each form of an answer is read to its end, and what is none is refused in words."""

import threading
from pathlib import Path

import pytest

from coordinator.control.listener import listen
from tools.failc.http import BODY_BYTES_MAX, Connection, NotHttp


@pytest.fixture
def server(tmp_path: Path):
    """Answers one question with these bytes, and closes the connection."""
    threads = []

    def serve(answer: bytes) -> Connection:
        path = tmp_path / ("deep" * 40) / "control.sock"
        path.parent.mkdir(exist_ok=True)
        listener = listen(path)
        listener.setblocking(True)

        def talk() -> None:
            with listener, listener.accept()[0] as peer:
                while b"\r\n\r\n" not in peer.recv(65536):
                    pass
                peer.sendall(answer)

        threads.append(threading.Thread(target=talk))
        threads[-1].start()
        return Connection.open(path, "", 10)

    yield serve
    for thread in threads:
        thread.join()


def answered(connection: Connection) -> tuple[int, bytes]:
    try:
        answer = connection.ask("GET", "/status")
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("raw", "status", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, b"hello"),
        (b"HTTP/1.1 409 Conflict\r\ncontent-length:0\r\n\r\n", 409, b""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nA: b\r\n\r\n", 200, b"hello"),
        (b"HTTP/1.0 503 Later\r\n\r\nhello", 503, b"hello"),
    ],
    ids=["by its length", "without a body", "in pieces", "to the end of the connection"],
)
def test_an_answer_is_read_to_its_end(server, raw, status, body):
    assert answered(server(raw)) == (status, body)


def test_lines_come_whole_however_they_are_cut(server):
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na\nb\r\n4\r\nc\n\nd\r\n0\r\n\r\n"
    connection = server(raw)
    assert list(connection.ask("GET", "/events").lines()) == [b"a\n", b"bc\n", b"\n", b"d"]
    connection.close()


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "without an answer"),
        (b"220 mail.example ready\r\n", "no answer in HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", "inside an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (BODY_BYTES_MAX + 1), "at most"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nlots\r\n", "pieces"),
        (b"HTTP/1.1 200 OK\r\n" + b"".join(b"A%d: b\r\n" % n for n in range(200)) + b"\r\n", "fields"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000, "line"),
    ],
    ids=["nothing", "mail", "cut off", "no length", "endless", "no pieces", "many fields", "a long line"],
)
def test_what_is_no_answer_is_said(server, raw, words):
    with pytest.raises(NotHttp, match=words):
        answered(server(raw))


def test_a_port_is_a_number():
    with pytest.raises(NotHttp, match="port"):
        Connection.open(None, "localhost:http", 1)

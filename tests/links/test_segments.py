"""A path that swallows long packets and says nothing about it carries heartbeats and no events, unless segments are short."""

import select
import socket

from coordinator.transport import sockets


def test_both_ends_of_a_link_send_segments_that_every_path_carries():
    """Also the end that has not asked for it: it goes by what the other end announces."""
    with sockets.listener(("127.77.1.1", 0)) as listener, sockets.dialling(("127.77.1.2", 0)) as dialled:
        dialled.setblocking(True)
        dialled.connect(listener.getsockname())
        assert select.select([listener], [], [], 10)[0]
        taken, _ = listener.accept()
        with taken:
            ends = [end.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) for end in (dialled, taken)]
            assert max(ends) <= sockets.SEGMENT_BYTES
            dialled.sendall(b"x" * 100_000)
            got = 0
            while got < 100_000:
                assert select.select([taken], [], [], 10)[0]
                got += len(taken.recv(65_536))


def test_an_end_that_asks_for_nothing_is_told():
    with sockets.listener(("127.77.1.3", 0)) as listener, socket.create_connection(listener.getsockname()) as plain:
        assert plain.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= sockets.SEGMENT_BYTES

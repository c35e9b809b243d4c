"""Requests to the kernel that the guard was given: what it makes of each answer."""

import base64
import errno
import socket
from typing import Any

import pytest

from actions.guard import requests
from actions.kernel_entry import for_the_guard

ROUTE = socket.NETLINK_ROUTE


def down(**more: Any) -> dict[str, Any]:
    return {**for_the_guard("a route", ROUTE, b"delete"), **more}


@pytest.mark.parametrize(
    ("code", "is_down"), [(0, True), (errno.ESRCH, True), (errno.ENOENT, True), (errno.EPERM, False), (errno.EINVAL, False)]
)
def test_what_the_kernel_refuses_to_delete_is_not_down(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], code: int, is_down: bool
) -> None:
    monkeypatch.setattr(requests, "exchange", lambda protocol, message: (code, b""))
    assert requests.carry_out(down()) is is_down
    assert ("a route cannot be taken down" in capfd.readouterr().err) is not is_down


def test_what_cannot_be_asked_about_is_deleted_all_the_same_and_the_answer_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []

    def answer(protocol: int, message: bytes) -> tuple[int, bytes]:
        asked.append(message)
        return errno.EPERM, b""

    monkeypatch.setattr(requests, "exchange", answer)
    assert not requests.carry_out(down(look=base64.b64encode(b"look").decode()))
    assert asked == [b"look", b"delete"]


def test_a_mark_is_a_whole_attribute_in_its_place() -> None:
    mark = b"\x05\x00\x0c\x00\xfa"
    assert requests.is_marked(bytes(28) + mark, mark)
    assert not requests.is_marked(bytes(29) + mark, mark)
    assert not requests.is_marked(b"", mark)


def test_an_interface_that_is_gone_took_it_along() -> None:
    assert requests.carry_out(down(interface="gone0", index_at=20))


def test_the_number_of_an_interface_is_written_into_a_request_where_there_is_one() -> None:
    assert requests.with_index(b"0123456789", 4, b"abcd") == b"0123abcd89"
    assert requests.with_index(b"", 4, b"abcd") == b""

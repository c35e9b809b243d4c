"""What faild says goes to its reader; one that does not read, or cannot store it, holds nothing up."""

import fcntl
import os

PAGE = 4096


def full_pipe() -> tuple[int, int]:
    """Both ends of a pipe that takes nothing more until it is read."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PAGE)
    os.write(writer, bytes(PAGE))
    return reader, writer


def test_a_text_log_that_nobody_reads_holds_nothing_up(make):
    """Its standard error is a pipe that is full: the node takes part, serves, obeys, and ends as asked."""
    cluster = make()
    reader, writer = full_pipe()
    lukretia = cluster.nodes["lukretia"].start(err=writer)
    cluster.start("genesis")
    cluster.until_ready("lukretia")
    cluster.until_up("lukretia")
    assert cluster.failc("move", "web", "genesis").code == 0
    assert lukretia.stop() == 0
    for end in (reader, writer):
        os.close(end)


def test_ready_that_cannot_be_stored_is_no_bug(make):
    cluster = make()
    full = os.open("/dev/full", os.O_WRONLY)
    cluster.nodes["lukretia"].start(out=full, err=full)
    cluster.start("genesis")
    cluster.until_ready("lukretia")
    cluster.until_up("lukretia")
    assert cluster.nodes["lukretia"].stop() == 0
    os.close(full)


def test_lines_that_nobody_could_read_are_counted_in_their_place(monkeypatch):
    from coordinator.daemon.log_output import LINES_MAX, Output

    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream, os.fdopen(reader) as lines:
        monkeypatch.setattr("sys.stderr", stream)
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PAGE)
        output = Output()
        for number in range(LINES_MAX * 2):
            output.complain(f"{number} " + 1000 * "x")
        first = [next(lines).split()[0] for _ in range(100)]
        assert first == [str(number) for number in range(100)]
        output.complain("the last")
        read = next(line for line in lines if "x" not in line)
        assert read.endswith("lines are lost here: the output of faild was not read\n")
        assert next(lines) == "the last\n"

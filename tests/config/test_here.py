"""What makes a program one that a node cannot run, found before a service is down for it."""

import os

import pytest

from coordinator.config import survey
from coordinator.config.here import unusable
from tests.config.sound import TEXT, bent


def program(folder, text="#!/bin/sh\n", mode=0o755):
    file = folder / "web"
    file.write_text(text)
    file.chmod(mode)
    return str(file)


@pytest.mark.parametrize("text", ["#!/bin/sh\n", "#! /usr/bin/env python3\n", "#!\t/bin/sh -e\nexit 0\n", "\x7fELF", ""])
def test_a_program_that_can_be_run(tmp_path, text):
    assert unusable(program(tmp_path, text)) is None


def test_a_program_that_is_not_there_not_executable_or_a_folder(tmp_path):
    missing = str(tmp_path / "none")
    assert unusable(missing) == (f"there is no {missing}", "Write it there, or the path of one that is there")
    plain = program(tmp_path, mode=0o644)
    what, instead = unusable(plain)
    assert (what, f"chmod +x {plain}" in instead) == (f"{plain} is not executable", True)
    assert unusable(str(tmp_path))[0] == f"{tmp_path} is not a file"
    (tmp_path / "dangling").symlink_to(missing)
    assert unusable(str(tmp_path / "dangling"))[0] == f"there is no {tmp_path / 'dangling'}"


@pytest.mark.parametrize("first", ["#!/bin/sh\r\n", "#!/opt/none/python\n", "#!/etc/passwd\n"])
def test_a_script_whose_interpreter_cannot_be_run(tmp_path, first):
    """The kernel says "no such file" of the script then, and one looks for it in vain. CRLF is the usual reason."""
    what, _ = unusable(program(tmp_path, first))
    assert f"names the interpreter {first[2:-1]!r}" in what


def test_a_desk_warns_with_the_names_of_the_nodes(tmp_path):
    file = tmp_path / "failover.toml"
    file.write_text(bent('"eth0"', '"eth99"'))
    checked = survey(file)
    assert checked.policy is not None
    assert checked.wrong == ()
    said = [str(warning) for warning in checked.warnings]
    first = f"{file}:32:1: services.web.actions[0].interface: there is no interface eth99 on this machine. "
    assert first + "Look on lukretia, genesis: faild --check --node lukretia" in said
    assert any("actions[1].script: there is no /etc/failover/web on this machine. Look on" in line for line in said)


def test_a_machine_that_bears_a_nodes_name_is_asked_for_what_that_node_needs(tmp_path, monkeypatch):
    file = tmp_path / "failover.toml"
    file.write_text(TEXT.replace("lukretia", os.uname().nodename.split(".")[0]).replace('"eth0"', '"eth99"'))
    checked = survey(file)
    assert [complaint.path for complaint in checked.wrong][:1] == ["services.web.actions[0].interface"]
    assert any("Look on genesis: " in warning.instead for warning in checked.warnings)

"""Who else can change what a node goes by: a warning where it is checked, with what to do."""

import os

import pytest

from coordinator.config import check, survey
from coordinator.config.permissions import writable_by
from tests.config.sound import bent

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def script(tmp_path):
    file = tmp_path / "web"
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


def test_root_and_we_ourselves_may(script):
    assert writable_by(script) == ""


@pytest.mark.parametrize("mode", [0o757, 0o777, 0o666])
def test_everybody_may_not(script, mode):
    script.chmod(mode)
    assert writable_by(script) == "every user"


def test_nor_another_user_nor_a_group_that_is_not_its_owners(script):
    os.chown(script, 65534, 0)
    assert writable_by(script) == "user nobody"
    os.chown(script, 0, 12345)
    assert writable_by(script) == ""
    script.chmod(0o775)
    assert writable_by(script) == "group 12345"


def test_a_folder_that_others_can_write_is_as_good_as_the_file(script):
    """They put another file in its place; in a folder like /tmp only the owner can."""
    script.parent.chmod(0o777)
    assert writable_by(script) == "every user"
    script.parent.chmod(0o1777)
    assert writable_by(script) == ""


def test_a_check_warns_of_the_file_the_keys_folder_and_the_programs(tmp_path, script):
    file, folder = tmp_path / "failover.toml", tmp_path / "lukretia"
    file.write_text(bent("/etc/failover/web", str(script)))
    folder.mkdir(0o700)
    assert not survey(file).exposed
    for path in (file, script, folder):
        path.chmod(0o777)
    said = [str(complaint) for complaint in check(file, ("lukretia", folder)).exposed]
    assert len(said) == 3
    complaint = f"services.web.actions[1].script: {script} can be changed by every user. Do: chown root"
    assert any(complaint in line for line in said)
    assert {complaint.what for complaint in survey(file).exposed} == {
        f"{file} can be changed by every user",
        f"{folder} can be changed by every user",
    }, "whose program it is, only its node knows"

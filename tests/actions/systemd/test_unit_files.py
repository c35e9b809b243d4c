"""What `faild --check` says of a unit by the folders of this machine."""

from pathlib import Path

import pytest

from actions.unit_files import enabled_by, wrong_unit


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    made = [tmp_path / name for name in ("etc", "run", "lib")]
    for folder in made:
        folder.mkdir()
    (made[2] / "web.service").write_text("[Service]")
    (made[2] / "instance@.service").write_text("[Service]")
    return made


def test_a_unit_or_the_template_of_an_instance_must_be_there(folders: list[Path], tmp_path: Path) -> None:
    assert wrong_unit("web.service", folders, tmp_path) is None
    assert wrong_unit("instance@a.service", folders, tmp_path) is None
    assert wrong_unit("nobody.service", folders, tmp_path) == (
        "there is no unit nobody.service",
        "Write one that systemctl list-unit-files shows",
    )


def test_a_masked_unit_is_no_unit(folders: list[Path], tmp_path: Path) -> None:
    (folders[0] / "web.service").symlink_to("/dev/null")
    assert wrong_unit("web.service", folders, tmp_path) == ("web.service is masked", "Do: systemctl unmask web.service")


def test_one_that_systemd_starts_at_boot_has_two_masters(folders: list[Path]) -> None:
    assert enabled_by("web.service", folders) is None
    wants = folders[0] / "multi-user.target.wants"
    wants.mkdir()
    (wants / "web.service").symlink_to(folders[2] / "web.service")
    found = enabled_by("web.service", folders)
    assert found is not None
    assert found[0] == f"web.service is started by systemd itself, by {wants}/web.service"
    assert found[1].startswith("Do: systemctl disable web.service")


def test_where_systemd_does_not_run_there_are_no_units(folders: list[Path], tmp_path: Path) -> None:
    found = wrong_unit("web.service", folders, tmp_path / "none")
    assert found is not None
    assert found[0] == "systemd does not run"

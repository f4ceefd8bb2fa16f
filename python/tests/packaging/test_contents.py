"""What is in the wheel, and what it says of itself."""

from __future__ import annotations

import email
import stat
import zipfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

import wheelhouse

if TYPE_CHECKING:
    from email.message import Message
    from pathlib import Path

pytestmark = [
    pytest.mark.packaging,
    pytest.mark.xdist_group("packaging"),
    pytest.mark.timeout(1200),
]

NATIVE_FILES = {
    "taskrunner/_native.abi3.so",
    "taskrunner/_lib/taskrunner-helper",
    "taskrunner/_lib/libtaskrunner_preload.so",
    "taskrunner/_lib/taskrunner-client.node",
}


@pytest.fixture(scope="module")
def metadata(wheel_files: dict[str, bytes]) -> Message:
    (name,) = (name for name in wheel_files if name.endswith(".dist-info/METADATA"))
    return email.message_from_bytes(wheel_files[name])


def test_holds_each_native_part_once(wheel_files: dict[str, bytes]) -> None:
    native = [name for name, data in wheel_files.items() if data.startswith(b"\x7fELF")]
    assert sorted(native) == sorted(NATIVE_FILES)


def test_helper_and_libraries_are_executable(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        modes = {info.filename: info.external_attr >> 16 for info in archive.infolist()}
    for name in NATIVE_FILES:
        assert stat.S_IMODE(modes[name]) & 0o555 == 0o555, f"{name} has mode {modes[name]:o}"


def test_holds_every_source_file_of_the_package(
    wheel_files: dict[str, bytes], project: Path
) -> None:
    package = project / "python"
    wanted = {
        str(path.relative_to(package))
        for path in (package / "taskrunner").rglob("*")
        if path.suffix in {".py", ".pyi", ".typed"} or path.name == "py.typed"
    }
    assert wanted <= set(wheel_files)


def test_holds_nothing_but_the_package(wheel_files: dict[str, bytes]) -> None:
    tops = {PurePosixPath(name).parts[0] for name in wheel_files}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"taskrunner"}


def test_metadata_agrees_with_the_project_files(metadata: Message) -> None:
    assert metadata["Name"] == "taskrunner-cli"
    assert metadata["Version"] == wheelhouse.version_in_cargo()
    assert metadata["Requires-Python"] == ">=3.10"
    assert metadata["License-Expression"] == "MIT"
    assert metadata.get_all("License-File") == ["LICENSE"]
    assert "three promises" in str(metadata.get_payload()).lower()  # README came along


def test_depends_on_what_the_project_says_and_no_more(metadata: Message) -> None:
    def plain(requirement: str) -> str:
        return requirement.replace(" ", "").replace('"', "'")

    required = metadata.get_all("Requires-Dist") or []
    assert sorted(map(plain, required)) == sorted(map(plain, wheelhouse.requirements()))


def test_tag_is_abi3_of_the_oldest_python(wheel: Path) -> None:
    _name, _version, python, abi, platform = wheel.stem.split("-")
    assert (python, abi) == ("cp310", "abi3")
    assert "manylinux_2_17" in platform


def test_installs_the_command_and_the_plugin(wheel_files: dict[str, bytes]) -> None:
    (name,) = (name for name in wheel_files if name.endswith(".dist-info/entry_points.txt"))
    texts = wheel_files[name].decode().replace(" ", "")
    assert "taskrunner=taskrunner.__main__:main" in texts
    assert "[pytest11]\ntaskrunner=taskrunner.pytest_plugin" in texts


def test_carries_the_licence(wheel_files: dict[str, bytes], project: Path) -> None:
    (name,) = (name for name in wheel_files if name.endswith(".dist-info/licenses/LICENSE"))
    assert wheel_files[name] == (project / "LICENSE").read_bytes()

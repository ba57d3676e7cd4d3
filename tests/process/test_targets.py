"""Target files, on a real file system."""

from __future__ import annotations

import json
import os
import socket
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from children import child

from vae_exporter._process.targets import (
    OWNER_LABEL,
    Target,
    advertised_address,
    check_advertise,
    check_targets_dir,
    publish,
    withdraw,
)
from vae_exporter.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

DEADLINE_SECONDS = 30.0

ALL_IPV4 = "0.0.0.0"

TARGET = Target("bs4-kl1e-4", 3, "node7:9645")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def json_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.json"))


# The address


@pytest.mark.parametrize(
    ("advertise", "host", "expected"),
    [
        (None, "127.0.0.1", "127.0.0.1:9645"),
        (None, "localhost", "localhost:9645"),
        (None, "::1", "[::1]:9645"),
        (None, ALL_IPV4, "node7:9645"),
        (None, "::", "node7:9645"),
        (None, "", "node7:9645"),
        ("train.example.org", ALL_IPV4, "train.example.org:9645"),
        ("10.0.0.7:80", ALL_IPV4, "10.0.0.7:80"),
        ("[fd00::7]", "::", "[fd00::7]:9645"),
        ("[fd00::7]:80", "::", "[fd00::7]:80"),
    ],
)
def test_the_advertised_address(advertise: str | None, host: str, expected: str) -> None:
    assert advertised_address(advertise, host=host, port=9645, hostname=lambda: "node7") == expected


def test_a_machine_without_a_usable_name_is_told_to_advertise() -> None:
    with pytest.raises(SettingsError, match=r"'\(none\)': set advertise= to HOST or HOST:PORT"):
        advertised_address(None, host=ALL_IPV4, port=9645, hostname=lambda: "(none)")


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        7,
        "http://node7:9645",
        "node7/metrics",
        "node7:",
        "node7:0",
        "node7:65536",
        "node 7",
        "node7\n",
        "fd00::7",
        "[fd00::7",
        "[fe80::1%eth0]",
        "[fd00:::7]",
        "0.0.0.0:9645",
        "[::]:9645",
    ],
)
def test_a_wrong_advertise_names_the_value_and_the_fix(wrong: object) -> None:
    with pytest.raises(SettingsError) as raised:
        check_advertise(wrong)

    assert str(raised.value).startswith("advertise must be HOST or HOST:PORT as other machines reach it")
    assert str(raised.value).endswith(f", got {wrong!r}")


# The folder


def test_a_relative_targets_dir_survives_a_change_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert check_targets_dir("targets") == tmp_path / "targets"


@pytest.mark.parametrize("wrong", [None, "", 3])
def test_a_targets_dir_that_is_not_a_path_is_a_clear_error(wrong: object) -> None:
    with pytest.raises(SettingsError, match=f"targets_dir must be the path of the folder .*, got {wrong!r}$"):
        check_targets_dir(wrong)


@pytest.mark.parametrize("in_the_way", ["file", "dangling link"])
def test_a_targets_dir_that_is_not_a_folder_is_a_clear_error(in_the_way: str, tmp_path: Path) -> None:
    path = tmp_path / "targets"
    if in_the_way == "file":
        path.touch()
    else:
        path.symlink_to("nowhere")

    with pytest.raises(SettingsError, match=f"got '{path}', which is not a folder"):
        check_targets_dir(path)


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    """A folder below a file, where even root cannot write."""
    (tmp_path / "file").touch()

    with pytest.raises(SettingsError) as raised:
        publish(tmp_path / "file" / "targets", TARGET)

    for words in (f"got '{tmp_path}/file/targets'", "Not a directory", "choose another folder, or omit targets_dir="):
        assert words in str(raised.value)


def test_a_folder_without_permission_is_a_clear_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    if os.access(tmp_path, os.W_OK):
        pytest.skip("root can write everywhere")

    with pytest.raises(SettingsError, match=r"\(Permission denied\); choose another folder"):
        publish(tmp_path, TARGET)


def test_a_failed_write_leaves_no_temporary_file(tmp_path: Path) -> None:
    name = publish(tmp_path, TARGET).path
    name.unlink()
    name.mkdir()

    with pytest.raises(SettingsError, match="Is a directory"):
        publish(tmp_path, TARGET)

    assert list(tmp_path.iterdir()) == [name]


# The file


def test_a_file_has_the_address_the_run_the_rank_and_the_owner(tmp_path: Path) -> None:
    file = publish(tmp_path, TARGET)

    [group] = json.loads(file.path.read_text())
    owner = group["labels"].pop(OWNER_LABEL)
    assert group == {"targets": ["node7:9645"], "labels": {"run": "bs4-kl1e-4", "rank": "3"}}
    assert owner.startswith(f"pid {os.getpid()} on {socket.gethostname()}, ")


@pytest.mark.parametrize("run", ["a/b", "../../up", ".", "训练", "a\nb", "*?[x]", "-rf", "x" * 200, " ", "a\x00b"])
def test_any_run_name_gives_a_safe_file_name(run: str, tmp_path: Path) -> None:
    folder = tmp_path / "targets"
    file = publish(folder, Target(run, 0, "node7:9645"))

    assert [file.path.name] == os.listdir(folder)  # noqa: PTH208 - only the names matter
    assert file.path.name.isascii()
    assert not file.path.name.startswith((".", "-"))
    assert len(file.path.name) < 143
    assert json.loads(file.path.read_text())[0]["labels"]["run"] == run
    assert withdraw(file)


def test_runs_with_similar_names_have_separate_files(tmp_path: Path) -> None:
    publish(tmp_path, Target("a/b", 0, "node7:9645"))
    publish(tmp_path, Target("a.b", 0, "node7:9646"))

    assert len(json_files(tmp_path)) == 2


def test_two_processes_with_one_run_and_rank_keep_a_file_each(tmp_path: Path) -> None:
    """Otherwise the rules could not detect that their metrics mix."""
    publish(tmp_path, Target("a", 0, "node7:9645"))
    publish(tmp_path, Target("a", 0, "node8:9645"))

    assert len(json_files(tmp_path)) == 2


def test_a_new_file_replaces_older_files_of_its_address(tmp_path: Path) -> None:
    """A file that a crash left behind would give its run's name to the next run on this port."""
    publish(tmp_path, Target("crashed", 0, "node7:9645"))
    neighbour = publish(tmp_path, Target("neighbour", 0, "node8:9645"))
    newest = publish(tmp_path, Target("newest", 0, "node7:9645"))

    assert json_files(tmp_path) == sorted([neighbour.path.name, newest.path.name])


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_new_folder_is_readable_by_its_owner_only(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        file = publish(tmp_path / "targets", TARGET)
    finally:
        os.umask(before)

    assert (mode(file.path.parent), mode(file.path)) == (0o700, 0o600)


@pytest.mark.parametrize(
    ("folder_mode", "file_mode"), [(0o700, 0o600), (0o750, 0o640), (0o770, 0o640), (0o755, 0o644), (0o733, 0o600)]
)
def test_a_file_is_readable_by_those_who_can_list_the_folder_and_writable_by_its_owner_only(
    folder_mode: int, file_mode: int, tmp_path: Path
) -> None:
    tmp_path.chmod(folder_mode)
    before = os.umask(0o077)
    try:
        file = publish(tmp_path, TARGET)
    finally:
        os.umask(before)

    assert (mode(tmp_path), mode(file.path)) == (folder_mode, file_mode)


# The end


def test_a_file_is_removed_at_the_end(tmp_path: Path) -> None:
    file = publish(tmp_path, TARGET)

    assert withdraw(file)
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - names alone
    assert not withdraw(file)


def test_a_file_that_another_process_replaced_is_kept(tmp_path: Path) -> None:
    first = publish(tmp_path, TARGET)
    second = publish(tmp_path, TARGET)

    assert first.path == second.path
    assert not withdraw(first)
    assert second.path.read_bytes() == second.content


def test_withdrawing_from_a_deleted_folder_is_not_an_error(tmp_path: Path) -> None:
    file = publish(tmp_path / "targets", TARGET)
    file.path.unlink()
    file.path.parent.rmdir()

    assert not withdraw(file)


def test_a_pipe_in_place_of_the_file_does_not_block(tmp_path: Path) -> None:
    file = publish(tmp_path, TARGET)
    file.path.unlink()
    os.mkfifo(file.path)

    assert not withdraw(file)


# Many processes

WRITER = """
import sys
from pathlib import Path
from vae_exporter._process.targets import Target, publish
run = sys.argv[2] * 200
for _ in range(200):
    publish(Path(sys.argv[1]), Target(run, 0, "node7:9645"))
"""


def test_readers_never_see_a_partial_file_from_two_concurrent_writers(tmp_path: Path) -> None:
    """Both write the same file name, because their runs share its readable part and the address."""
    seen = set()
    with ExitStack() as stack:
        commands = [[sys.executable, "-c", WRITER, str(tmp_path), letter] for letter in ("/", ".")]
        writers = [stack.enter_context(child(command)) for command in commands]
        while any(writer.poll() is None for writer in writers):
            for path in tmp_path.glob("*.json"):
                [group] = json.loads(path.read_text())
                seen.add(group["labels"]["run"])
        assert [writer.returncode for writer in writers] == [0, 0]
    assert seen == {"/" * 200, "." * 200}
    assert len(os.listdir(tmp_path)) == 1  # noqa: PTH208 - no temporary file is left

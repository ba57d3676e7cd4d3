"""Target discovery: the files, on a real file system, and what a real Prometheus makes of them."""

from __future__ import annotations

import json
import os
import socket
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
from children import child
from deadline import wait_until

from vae_exporter import TrainingExporter
from vae_exporter._process.targets import (
    OWNER_LABEL,
    Pruned,
    Target,
    advertised_address,
    answers,
    check_advertise,
    check_targets_dir,
    prune,
    publish,
    withdraw,
)
from vae_exporter._serve.http import reply, serve
from vae_exporter.errors import SettingsError
from vae_exporter.stack.client import Prometheus
from vae_exporter.stack.processes import running

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIEnvironment

DEADLINE_SECONDS = 30.0

ALL_IPV4 = "0.0.0.0"

TARGET = Target("bs4-kl1e-4", 3, "node7:9645")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def json_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.json"))


@contextmanager
def listening_socket() -> Iterator[str]:
    """Yield the address of a port that takes connections and never answers, as a stopped process does."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield f"127.0.0.1:{silent.getsockname()[1]}"


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"127.0.0.1:{probe.getsockname()[1]}"


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
def test_the_address_that_others_see(advertise: str | None, host: str, expected: str) -> None:
    assert advertised_address(advertise, host=host, port=9645, hostname=lambda: "node7") == expected


def test_a_machine_without_a_usable_name_is_told_to_advertise() -> None:
    with pytest.raises(SettingsError, match=r"'\(none\)': give advertise="):
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

    assert f"advertise={wrong!r}" in str(raised.value)
    assert "give HOST or HOST:PORT" in str(raised.value)


# The folder


def test_a_relative_targets_dir_holds_when_training_changes_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert check_targets_dir("targets") == tmp_path / "targets"


@pytest.mark.parametrize("wrong", [None, "", 3])
def test_a_targets_dir_that_is_no_path_is_a_clear_error(wrong: object) -> None:
    with pytest.raises(SettingsError, match="is no path: give the folder"):
        check_targets_dir(wrong)


@pytest.mark.parametrize("in_the_way", ["file", "dangling link"])
def test_a_targets_dir_that_is_no_folder_is_a_clear_error(in_the_way: str, tmp_path: Path) -> None:
    path = tmp_path / "targets"
    if in_the_way == "file":
        path.touch()
    else:
        path.symlink_to("nowhere")

    with pytest.raises(SettingsError, match=f"targets_dir='{path}' is not a folder"):
        check_targets_dir(path)


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    """A folder below a file: nobody can write there, root neither."""
    (tmp_path / "file").touch()

    with pytest.raises(SettingsError) as raised:
        publish(tmp_path / "file" / "targets", TARGET)

    for words in (f"targets_dir='{tmp_path}/file/targets'", "Not a directory", "leave targets_dir= out"):
        assert words in str(raised.value)


def test_a_folder_without_permission_is_a_clear_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    if os.access(tmp_path, os.W_OK):
        pytest.skip("root may write everywhere")

    with pytest.raises(SettingsError, match="Permission denied; give a folder that this user may write to"):
        publish(tmp_path, TARGET)


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    name = publish(tmp_path, TARGET).path
    name.unlink()
    name.mkdir()

    with pytest.raises(SettingsError, match="Is a directory"):
        publish(tmp_path, TARGET)

    assert list(tmp_path.iterdir()) == [name]


# The file


def test_a_file_says_where_and_who(tmp_path: Path) -> None:
    file = publish(tmp_path, TARGET)

    [group] = json.loads(file.path.read_text())
    owner = group["labels"].pop(OWNER_LABEL)
    assert group == {"targets": ["node7:9645"], "labels": {"run": "bs4-kl1e-4", "rank": "3"}}
    assert owner.startswith(f"pid {os.getpid()} on {socket.gethostname()}, ")


@pytest.mark.parametrize("run", ["a/b", "../../up", ".", "训练", "a\nb", "*?[x]", "-rf", "x" * 200, " ", "a\x00b"])
def test_any_name_of_a_run_is_safe(run: str, tmp_path: Path) -> None:
    folder = tmp_path / "targets"
    file = publish(folder, Target(run, 0, "node7:9645"))

    assert [file.path.name] == os.listdir(folder)  # noqa: PTH208 - names as they are
    assert file.path.name.isascii()
    assert not file.path.name.startswith((".", "-"))
    assert len(file.path.name) < 143
    assert json.loads(file.path.read_text())[0]["labels"]["run"] == run
    assert withdraw(file)


def test_runs_whose_names_look_alike_have_a_file_each(tmp_path: Path) -> None:
    publish(tmp_path, Target("a/b", 0, "node7:9645"))
    publish(tmp_path, Target("a.b", 0, "node7:9646"))

    assert len(json_files(tmp_path)) == 2


def test_two_processes_with_one_run_and_rank_are_both_seen(tmp_path: Path) -> None:
    """Else the rules could not tell that their figures mix."""
    publish(tmp_path, Target("a", 0, "node7:9645"))
    publish(tmp_path, Target("a", 0, "node8:9645"))

    assert len(json_files(tmp_path)) == 2


def test_who_listens_on_an_address_replaces_who_did(tmp_path: Path) -> None:
    """A file left by a crash would lend its run's name to the next run on this port."""
    publish(tmp_path, Target("crashed", 0, "node7:9645"))
    neighbour = publish(tmp_path, Target("neighbour", 0, "node8:9645"))
    newest = publish(tmp_path, Target("newest", 0, "node7:9645"))

    assert json_files(tmp_path) == sorted([neighbour.path.name, newest.path.name])


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_new_folder_is_its_owners_alone(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        file = publish(tmp_path / "targets", TARGET)
    finally:
        os.umask(before)

    assert (mode(file.path.parent), mode(file.path)) == (0o700, 0o600)


@pytest.mark.parametrize(
    ("folder_mode", "file_mode"), [(0o700, 0o600), (0o750, 0o640), (0o770, 0o640), (0o755, 0o644), (0o733, 0o600)]
)
def test_who_may_list_the_folder_may_read_the_file_and_never_write_it(
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


def test_a_file_that_another_process_took_over_is_left(tmp_path: Path) -> None:
    first = publish(tmp_path, TARGET)
    second = publish(tmp_path, TARGET)

    assert first.path == second.path
    assert not withdraw(first)
    assert second.path.read_bytes() == second.content


def test_a_folder_that_is_gone_is_no_failure(tmp_path: Path) -> None:
    file = publish(tmp_path / "targets", TARGET)
    file.path.unlink()
    file.path.parent.rmdir()

    assert not withdraw(file)


def test_a_pipe_in_the_files_place_does_not_block(tmp_path: Path) -> None:
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


def test_two_writers_at_once_never_leave_half_a_file(tmp_path: Path) -> None:
    """Both write one file name: their runs share the readable part of it, and the address."""
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


# Prune


def test_prune_removes_what_is_dead_and_says_so(tmp_path: Path) -> None:
    dead = publish(tmp_path, Target("dead", 0, "node7:9645")).path
    live = publish(tmp_path, Target("live", 1, "node8:9645")).path

    done = prune(tmp_path, is_alive=lambda address: address == "node8:9645")

    assert done == [
        Pruned(dead, removed=True, reason="run 'dead', rank 0: nobody answers on node7:9645"),
        Pruned(live, removed=False, reason="run 'live', rank 1: node8:9645 answers"),
    ]
    assert json_files(tmp_path) == [live.name]
    assert str(done[0]) == f"removed '{dead.name}': run 'dead', rank 0: nobody answers on node7:9645"


OURS = {"run": "a", "rank": "0", OWNER_LABEL: "x"}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "null",
        "[]",
        "{}",
        "[1]",
        '"x"',
        "[" * 60000,
        "\xff",
        json.dumps([{"targets": ["127.0.0.1:1"], "labels": {"run": "a", "rank": "0"}}]),
        json.dumps([{"targets": ["127.0.0.1:1"], "labels": OURS | {"team": "mine"}}]),
        json.dumps([{"targets": ["127.0.0.1:1"], "labels": OURS | {"rank": "first"}}]),
        json.dumps([{"targets": ["127.0.0.1:1"], "labels": OURS | {"run": 3}}]),
        json.dumps([{"targets": ["127.0.0.1"], "labels": OURS}]),
        json.dumps([{"targets": ["http://127.0.0.1:1/x"], "labels": OURS}]),
        json.dumps([{"targets": [7], "labels": OURS}]),
        json.dumps([{"targets": ["127.0.0.1:1", "127.0.0.1:2"], "labels": OURS}]),
        json.dumps([{"targets": ["127.0.0.1:1"], "labels": OURS}]) + " " * 70000,
    ],
)
def test_prune_reports_and_keeps_what_is_not_ours(content: str, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(content, encoding="latin-1")

    assert prune(tmp_path, is_alive=lambda _: pytest.fail("asked")) == [
        Pruned(path, removed=False, reason="not written by vae-exporter")
    ]
    assert path.exists()


def test_prune_neither_follows_links_nor_blocks_on_a_pipe(tmp_path: Path) -> None:
    elsewhere = publish(tmp_path / "elsewhere", TARGET)
    folder = tmp_path / "targets"
    folder.mkdir()
    (folder / "link.json").symlink_to(elsewhere.path)
    (folder / "folder.json").mkdir()
    os.mkfifo(folder / "pipe.json")

    done = prune(folder, is_alive=lambda _: False)

    assert {one.reason for one in done} == {"not written by vae-exporter"}
    assert json_files(folder) == ["folder.json", "link.json", "pipe.json"]


def test_prune_keeps_what_it_cannot_ask_about(tmp_path: Path) -> None:
    def without_network(_address: str) -> bool:
        raise OSError(101, "Network is unreachable")

    path = publish(tmp_path, TARGET).path

    assert prune(tmp_path, is_alive=without_network) == [
        Pruned(path, removed=False, reason="cannot tell: Network is unreachable")
    ]
    assert path.exists()


def test_prune_keeps_a_file_whose_run_came_back_while_it_asked(tmp_path: Path) -> None:
    def comes_back(_address: str) -> bool:
        publish(tmp_path, TARGET)
        return False

    path = publish(tmp_path, TARGET).path

    assert prune(tmp_path, is_alive=comes_back) == [
        Pruned(path, removed=False, reason="run 'bs4-kl1e-4', rank 3: it changed meanwhile")
    ]
    assert path.exists()


def test_prune_of_no_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot read the folder '.*nowhere': No such file"):
        prune(tmp_path / "nowhere")


# Whether an endpoint is alive


@pytest.mark.parametrize(
    "host", ["127.0.0.1", pytest.param("::1", marks=pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here"))]
)
def test_an_exporter_answers_until_it_ends(host: str) -> None:
    exporter = TrainingExporter("alive", host=host, port=0, linger_seconds=0).start()
    address = str(exporter.url).removeprefix("http://")
    assert answers(address)
    exporter.close()
    assert not answers(address)


def test_another_program_on_the_port_is_no_exporter() -> None:
    def other(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return reply(start_response, "404 Not Found", "text/plain", "what?")

    server = serve(other, host="127.0.0.1", port=0)
    try:
        assert not answers(f"127.0.0.1:{server.port}")
    finally:
        server.close()


def test_a_stopped_process_is_not_gone() -> None:
    with listening_socket() as address:
        assert answers(address, timeout=0.2)


def test_a_host_without_a_name_server_cannot_be_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_name_server(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", no_name_server)

    with pytest.raises(OSError, match="Temporary failure"):
        answers("node7:9645")


# A real Prometheus


def test_prometheus_finds_a_rank_and_forgets_it(tmp_path: Path) -> None:
    folder = tmp_path / "targets"
    folder.mkdir()
    config = {
        "global": {"scrape_interval": "200ms"},
        "scrape_configs": [
            {
                "job_name": "vae-training",
                "honor_labels": True,
                "file_sd_configs": [{"files": [f"{folder}/*.json"], "refresh_interval": "1s"}],
            }
        ],
    }
    run = 'a/b "训练"'
    exporter = TrainingExporter(run, rank=2, port=0, linger_seconds=0).start()
    address = str(exporter.url).removeprefix("http://")
    crashed = Target("crashed", 0, free_address())
    with running(Prometheus, tmp_path, config, [f"--storage.tsdb.path={tmp_path / 'data'}"]) as url:
        query = Prometheus(url).query
        published = publish(folder, Target(run, 2, address))
        left = publish(folder, crashed)
        wait_until(lambda: len(query("up")) == 2, "Prometheus scrapes both targets")
        job = {"__name__": "up", "job": "vae-training"}
        assert sorted(((dict(series.labels), series.value) for series in query("up")), key=lambda one: one[1]) == [
            (job | {"run": "crashed", "rank": "0", "instance": crashed.address}, 0),
            (job | {"run": run, "rank": "2", "instance": address}, 1),
        ]
        assert len(query("vae_run_info * on (run, rank) group_left () up")) == 1
        assert query("{exported_run!=''}") == []

        assert withdraw(published)
        exporter.close()
        assert [one.path for one in prune(folder) if one.removed] == [left.path]
        wait_until(lambda: query("up") == [], "Prometheus forgets both targets")

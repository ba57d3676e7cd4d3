"""Which target files `prune` removes, and how a real Prometheus follows the folder."""

from __future__ import annotations

import json
import os
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from deadline import wait_until

from vae_exporter import TrainingExporter
from vae_exporter._process.prune import Pruned, answers, prune
from vae_exporter._process.targets import OWNER_LABEL, Target, publish, withdraw
from vae_exporter._serve.http import reply, serve
from vae_exporter.errors import SettingsError
from vae_exporter.stack.client import Prometheus
from vae_exporter.stack.processes import running

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIEnvironment

TARGET = Target("bs4-kl1e-4", 3, "node7:9645")

OURS = {"run": "a", "rank": "0", OWNER_LABEL: "x"}


def at(address: str) -> Target:
    return Target("alive", 0, address)


def json_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.json"))


@contextmanager
def listening_socket() -> Iterator[str]:
    """Yield the address of a port that accepts connections but never answers, like a stopped process."""
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


def test_prune_removes_files_of_dead_endpoints_and_reports_each_file(tmp_path: Path) -> None:
    dead = publish(tmp_path, Target("dead", 0, "node7:9645")).path
    live = publish(tmp_path, Target("live", 1, "node8:9645")).path

    done = prune(tmp_path, is_alive=lambda target: target.address == "node8:9645")

    assert done == [
        Pruned(dead, removed=True, reason="run 'dead', rank 0: node7:9645 does not answer"),
        Pruned(live, removed=False, reason="run 'live', rank 1: node8:9645 answers"),
    ]
    assert json_files(tmp_path) == [live.name]
    assert str(done[0]) == f"removed '{dead.name}': run 'dead', rank 0: node7:9645 does not answer"


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
def test_prune_keeps_files_that_it_did_not_write(content: str, tmp_path: Path) -> None:
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


def test_prune_keeps_a_file_whose_endpoint_cannot_be_checked(tmp_path: Path) -> None:
    def without_network(_target: Target) -> bool:
        raise OSError(101, "Network is unreachable")

    path = publish(tmp_path, TARGET).path

    assert prune(tmp_path, is_alive=without_network) == [
        Pruned(path, removed=False, reason="cannot be checked: Network is unreachable")
    ]
    assert path.exists()


def test_prune_keeps_a_file_that_changed_during_the_check(tmp_path: Path) -> None:
    def comes_back(_target: Target) -> bool:
        publish(tmp_path, TARGET)
        return False

    path = publish(tmp_path, TARGET).path

    assert prune(tmp_path, is_alive=comes_back) == [
        Pruned(path, removed=False, reason="run 'bs4-kl1e-4', rank 3: the file has changed")
    ]
    assert path.exists()


def test_prune_of_a_missing_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot read the folder '.*nowhere': No such file"):
        prune(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", pytest.param("::1", marks=pytest.mark.skipif(not has_ipv6(), reason="no IPv6"))]
)
def test_an_exporter_answers_until_it_ends(host: str) -> None:
    exporter = TrainingExporter("alive", host=host, port=0, linger_seconds=0).start()
    target = at(str(exporter.url).removeprefix("http://"))
    assert answers(target)
    exporter.close()
    assert not answers(target)


def test_another_program_on_the_port_does_not_count_as_an_exporter() -> None:
    def other(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return reply(start_response, "404 Not Found", "text/plain", "what?")

    server = serve(other, host="127.0.0.1", port=0)
    try:
        assert not answers(at(f"127.0.0.1:{server.port}"))
    finally:
        server.close()


def test_a_stopped_process_counts_as_answering() -> None:
    with listening_socket() as address:
        assert answers(at(address), timeout=0.2)


def test_a_failed_name_lookup_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_name_server(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", no_name_server)

    with pytest.raises(OSError, match="Temporary failure"):
        answers(at("node7:9645"))


def test_prometheus_finds_a_rank_and_drops_it_after_its_end(tmp_path: Path) -> None:
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

"""Test the command line from the outside, in a subprocess."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING

from children import child, finished, line_of

from vae_exporter import __version__

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-m", "vae_exporter.cli"]

DEADLINE_SECONDS = 30

EVENT = {
    "event_action": "trigger",
    "dedup_key": "a",
    "payload": {"summary": "Run [bold]x[/] diverged", "source": "test", "severity": "critical", "group": "x"},
}


def test_version() -> None:
    done = finished([*COMMAND, "--version"])
    assert done.stdout == f"vae-exporter {__version__}\n"


def test_the_pager_prints_and_stores_each_notification(tmp_path: Path) -> None:
    store = tmp_path / "notifications.jsonl"
    command = [*COMMAND, "pager", "--port", "0", "--store", str(store)]
    with child(command, stdout=subprocess.PIPE) as pager:
        address = re.search(r"http://[\d.:]+\d", line_of(pager))
        assert address is not None
        request = urllib.request.Request(f"{address[0]}/pagerduty", json.dumps(EVENT).encode())
        with urllib.request.urlopen(request, timeout=DEADLINE_SECONDS) as answer:
            assert answer.status == 202
        pager.send_signal(signal.SIGINT)
        output, _ = pager.communicate(timeout=DEADLINE_SECONDS)
    assert pager.returncode == 0
    assert "Run [bold]x[/] diverged" in output
    assert [json.loads(line)["title"] for line in store.read_text().splitlines()] == ["Run [bold]x[/] diverged"]


def test_a_port_in_use_gets_a_clear_error_message() -> None:
    command = [*COMMAND, "pager", "--port", "0"]
    with child(command, stdout=subprocess.PIPE) as pager:
        found = re.search(r":(\d+)\.", line_of(pager))
        assert found is not None
        port = found[1]
        done = finished([*COMMAND, "pager", "--port", port])
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unwritable_store_gets_a_clear_error_message(tmp_path: Path) -> None:
    store = tmp_path / "missing" / "notifications.jsonl"
    command = [*COMMAND, "pager", "--port", "0", "--store", str(store)]
    done = finished(command)
    assert done.returncode == 1
    assert f"cannot write to {store}: No such file or directory" in done.stderr


def test_a_data_folder_that_cannot_be_created_gets_a_clear_error_message(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = finished([*COMMAND, "watch", "--data", str(tmp_path / "file" / "data")])
    assert done.returncode == 1
    assert f"cannot create the folder {tmp_path / 'file' / 'data'}: Not a directory" in done.stderr
    assert "Traceback" not in done.stderr

"""Test `vae-exporter judge` and `vae-exporter replay` from the outside, in a subprocess."""

from __future__ import annotations

import gzip
import json
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from children import child, finished, line_of
from deadline import wait_until
from http_get import get
from recorded_runs import DATA, metric_logger_lines
from scraping import Samples, samples_of

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-m", "vae_exporter.cli"]
LOGS = DATA / "logs"

DEADLINE_SECONDS = 60

KEYS = ["file", "run", "first_step", "last_step", "steps_read", "refused", "verdict", "band", "nll", "alerts"]
ALERT_KEYS = ["alert", "severity", "step", "cause", "resolved_step", "inhibited_by", "inhibited_step"]


def judge(*arguments: str | Path, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return finished([*COMMAND, "judge", *arguments], seconds=DEADLINE_SECONDS, input=given)


def judge_json(*arguments: str | Path, exit_code: int) -> list[dict[str, Any]]:
    done = judge(*arguments, "--json")
    assert done.returncode == exit_code, done.stderr
    runs: list[dict[str, Any]] = json.loads(done.stdout)
    return runs


def pages(run: dict[str, Any]) -> list[tuple[str, int, int | None]]:
    return [(one["alert"], one["step"], one["resolved_step"]) for one in run["alerts"] if one["severity"] == "page"]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("recorded")
    paths = {name: folder / f"{name}.log" for name in ("bad_run", "good_run")}
    for name, path in paths.items():
        path.write_text("\n".join(metric_logger_lines(name)))
    return paths


def test_the_recorded_bad_run_would_have_paged_between_steps_390_and_480(recorded: dict[str, Path]) -> None:
    [run] = judge_json(recorded["bad_run"], exit_code=1)
    assert list(run) == KEYS
    assert all(list(alert) == ALERT_KEYS for alert in run["alerts"])
    assert (run["run"], run["first_step"], run["last_step"], run["steps_read"], run["refused"]) == (
        "bad_run",
        0,
        840,
        22,
        {},
    )
    [(alert, step, resolved_step)] = pages(run)
    assert alert == "VaeNllDiverged"
    assert 390 <= step <= 480  # the row at 480 is the first that tells of the steps after 440
    assert resolved_step is None  # the log ends before the NLL has been good for three long windows


def test_the_recorded_good_run_would_never_have_paged_and_ends_excellent(recorded: dict[str, Path]) -> None:
    [run] = judge_json(recorded["good_run"], exit_code=0)
    assert (run["verdict"], run["band"]) == ("healthy", "excellent")
    assert run["nll"] == pytest.approx(0.175, abs=0.002)
    assert pages(run) == []


def test_text_output_has_each_run_and_a_comparison(recorded: dict[str, Path]) -> None:
    done = judge(recorded["bad_run"], recorded["good_run"], "--explain")
    assert done.returncode == 1
    words = " ".join(done.stdout.split())
    assert "page VaeNllDiverged from step" in words
    assert "Stop it and resume from a checkpoint before the rise" in words
    assert "bad NLL" in words
    assert re.search(r"Loss weights rec \d+(\.\d+)?, perception [\d.]+ \(fitted to 35 rows, residual 0\.\d+%\)", words)
    assert re.search(r"good_run 40 to 1520 healthy excellent 0\.175 0 \d+ -", words)
    assert "\x1b" not in done.stdout
    assert not any(line.endswith(" ") for line in done.stdout.splitlines())


def test_a_loss_on_another_scale_has_no_band_until_its_preset_is_given(tmp_path: Path) -> None:
    log = tmp_path / "summed.jsonl"
    log.write_text("\n".join(json.dumps({"step": step, "nll_loss": 2e5 + step % 7}) for step in range(700)))
    words = " ".join(judge(log).stdout.split())
    assert "none yet" in words
    assert re.search(r"to \d+ no band fits NLL 2e\+05", words)
    assert "ticket VaeBandsUnfit" in words
    assert "VaeBandsUnfit" not in judge(log, "--loss", "latent-diffusion").stdout


def test_an_unknown_preset_is_bad_input_that_lists_them() -> None:
    done = judge("no-such.log", "--loss", "vidtoc")
    assert (done.returncode, "must be one of standard, latent-diffusion, diffusers, vidtok" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("name", "runs"),
    [
        ("pasted_terminal.log", [("pasted_terminal", 0, 800, 19, 9)]),
        ("two_runs.txt", [("two_runs", 0, 840, 22, 0), ("two_runs-2", 40, 1520, 35, 0)]),
        ("resume.log", [("resume", 0, 1080, 35, 0)]),
        ("nan.log", [("nan", 0, 440, 12, 0)]),
        ("lightning.csv", [("lightning", 0, 395, 80, 0)]),
    ],
    ids=["pasted terminal", "two runs", "resume", "NaN", "Lightning"],
)
def test_the_runs_of_example_logs_are_found(name: str, runs: list[tuple[str, int, int, int, int]]) -> None:
    found = judge_json(LOGS / name, exit_code=0 if name == "lightning.csv" else 1)
    assert [
        (run["run"], run["first_step"], run["last_step"], run["steps_read"], sum(run["refused"].values()))
        for run in found
    ] == runs


def test_a_log_pasted_from_a_terminal_pages_like_the_original(recorded: dict[str, Path]) -> None:
    [pasted] = judge_json(LOGS / "pasted_terminal.log", exit_code=1)
    [whole] = judge_json(recorded["bad_run"], exit_code=1)
    [(alert, step, resolved_step)] = pages(pasted)
    [(_, original_step, _)] = pages(whole)
    assert (alert, resolved_step) == ("VaeNllDiverged", None)
    assert 0 <= step - original_step <= 60  # lines are missing
    assert pasted["refused"] == {
        "cut short or spliced": 2,
        "parts contradict the total": 1,
        "cut at its start: no step": 1,
        "step does not fit": 1,
        "duplicate": 4,
    }


def test_explain_lists_each_refused_line() -> None:
    output = judge(LOGS / "pasted_terminal.log", "--explain").stdout
    assert re.search(r"line 8: cut short or spliced \(two in one line\): Epoch: \[0\]  \[ 240/2000\]", output)
    assert re.search(r"line 10: parts contradict the total \(total [\d.]+, nll [\d.]+, kl [\d.]+\): Epoch", output)
    assert len(re.findall(r"^ *line \d+: ", output, re.MULTILINE)) == 9


def test_why_shows_each_part_of_the_page_with_its_numbers(recorded: dict[str, Path]) -> None:
    done = judge(recorded["good_run"], "--why")
    assert done.returncode == 0, done.stderr
    words = " ".join(done.stdout.split())
    assert "Why VaeNllDiverged fires at the end, or does not false diverged: VaeNllDiverged fires" in words
    assert re.search(r"false has_multiplied: the NLL is at least 1.5 times its level lower bound 0\.\d+, level", words)
    assert re.search(
        r"true was_good: the mean over a short window was good short best [\d.]+, edge good max 0.25", words
    )


def test_a_report_is_written_for_each_run(recorded: dict[str, Path], tmp_path: Path) -> None:
    page = tmp_path / "runs.html"
    done = judge(recorded["bad_run"], recorded["good_run"], "--report", page)
    assert done.returncode == 1
    bad, good = (file.read_text() for file in (page, tmp_path / "runs-2.html"))
    assert "VaeNllDiverged" in bad
    assert "VaeNllDiverged" not in good
    assert f"wrote the report to {page}" in done.stderr


def test_an_unwritable_report_is_an_error(recorded: dict[str, Path], tmp_path: Path) -> None:
    done = judge(recorded["good_run"], "--report", tmp_path / "no-such-folder" / "run.html")
    assert (done.returncode, "choose another path with --report" in done.stderr) == (2, True)


def test_a_nan_pages() -> None:
    [run] = judge_json(LOGS / "nan.log", exit_code=1)
    [(alert, step, resolved_step)] = pages(run)
    assert (alert, resolved_step) == ("VaeLossNonfinite", None)
    assert 301 <= step <= 320
    assert run["verdict"] == "stop"


def test_a_trainer_that_stopped_on_a_nan_loss_without_logging_a_row_pages(recorded: dict[str, Path]) -> None:
    lines = [*recorded["good_run"].read_text().splitlines()[:10], *["Loss is nan, stopping training"] * 8]
    done = judge("-", "--json", given="\n".join(lines))
    [run] = json.loads(done.stdout)
    assert pages(run) == [("VaeLossNonfinite", 401, None)]
    assert (done.returncode, run["verdict"], run["refused"]) == (1, "stop", {})


def test_a_run_whose_validation_falls_behind_its_training_gets_a_ticket(tmp_path: Path) -> None:
    log = tmp_path / "overfits.jsonl"
    with log.open("w") as file:
        for step in range(0, 1300, 5):
            has_memorized = step >= 700
            nll = (0.1 if has_memorized else 0.2) + 0.01 * (step % 3)
            file.write(json.dumps({"step": step, "train/nll": nll}) + "\n")
            if step % 100 == 95:
                file.write(json.dumps({"step": step, "val/nll": 0.23 if has_memorized else 0.22}) + "\n")
    [run] = judge_json(log, exit_code=0)
    [ticket] = run["alerts"]
    assert ticket["alert"] == "VaeValidationGap"
    assert 900 <= ticket["step"] < 1300


def test_the_nll_of_a_validation_is_never_judged_as_that_of_the_training() -> None:
    lines = (f"Step {step} | Train NLL: {0.16 if step < 150 else 0.5} | Val NLL: 0.16" for step in range(400))
    done = judge("-", "--json", given="\n".join(lines))
    [run] = json.loads(done.stdout)
    assert (done.returncode, run["nll"], run["steps_read"]) == (1, 0.5, 400)
    assert pages(run)


def test_dictionaries_without_a_step_are_judged(tmp_path: Path) -> None:
    losses = [0.16 if step < 300 else 0.6 for step in range(500)]
    path = tmp_path / "taming.log.gz"
    lines = (
        f"INFO:root:{{'train/nll_loss': tensor({nll + number / 1e5:.5f}, device='cuda:0')}}"
        for number, nll in enumerate(losses)
    )
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    [run] = judge_json(path, exit_code=1)
    assert (run["run"], run["last_step"], run["verdict"]) == ("taming", 499, "stop")
    assert 310 <= pages(run)[0][1] <= 400


def test_map_and_every_set_the_column_and_the_steps_per_row() -> None:
    text = "wert;x\n" + "\n".join(f"0.{150 + number * number % 47};1" for number in range(200))
    done = judge("-", "--map", "nll=wert", "--every", "10", "--json", given=text)
    assert done.returncode == 0, done.stderr
    [run] = json.loads(done.stdout)
    assert (run["file"], run["run"], run["last_step"], run["verdict"]) == ("-", "log", 1990, "healthy")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(1000), "not a text file"),
        (b"Call me Ishmael.\nMy loss: 3 at step: 4\n", "the closest is line 2:\n  My loss: 3 at step: 4"),
        (b"step,loss\n1,0.5\n2,0.4\n", "--map nll=loss"),
        (bytes(5_000_000), "not a text file"),
    ],
    ids=["empty", "image", "prose", "no NLL", "zeros"],
)
def test_a_file_that_is_not_a_log_is_bad_input_and_the_error_shows_the_formats(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    done = judge(path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert words in done.stderr
    assert "nll_loss" in done.stderr or "--map" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("path", ["/dev/zero", "/nowhere.log", "/"])
def test_a_path_that_is_not_a_file_is_bad_input(path: str) -> None:
    done = judge(path)
    assert done.returncode == 2
    assert path in done.stderr


def test_a_bad_file_is_reported_and_the_others_are_judged(recorded: dict[str, Path]) -> None:
    done = judge("/nowhere.log", recorded["good_run"], "--json")
    assert done.returncode == 2
    assert "/nowhere.log" in done.stderr
    assert [run["run"] for run in json.loads(done.stdout)] == ["good_run"]


def test_a_closed_pipe_causes_no_traceback() -> None:
    command = [*COMMAND, "judge", str(LOGS / "nan.log")]
    with child(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
        assert process.wait(DEADLINE_SECONDS) == 3
    assert errors == ""


@pytest.mark.parametrize(
    "option", [["--map", "nll"], ["--map", "x=y"], ["--weights", "rec"], ["--every", "0"]], ids=" ".join
)
def test_an_invalid_option_is_bad_input(recorded: dict[str, Path], option: list[str]) -> None:
    assert judge(recorded["good_run"], *option).returncode == 2


def looked_at(url: str) -> Samples:
    """The metrics at *url* as a browser gets them: the process does not wait for a browser's last request."""
    return samples_of(get(f"{url}/metrics").text)


def test_replay_serves_a_run_until_ctrl_c(recorded: dict[str, Path]) -> None:
    command = [*COMMAND, "replay", str(recorded["bad_run"]), "--speed", "2000", "--port", "0"]
    with child(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as replay:
        first = line_of(replay)
        found = re.match(
            r"(bad_run-replay-\d{8}-\d{6}): (http://[\d.:]+)/metrics, 2000 times the original speed", first
        )
        assert found, first
        url = found[2]
        wait_until(lambda: looked_at(url).get("vae_step", 0) >= 120, "step 120")
        samples = looked_at(url)
        assert samples["vae_loss_weight rec"] == pytest.approx(10, rel=0.02)
        assert samples["vae_run_state running"] == 1
        assert any(name.startswith("vae_loss_window_mean judged") for name in samples)
        replay.send_signal(signal.SIGINT)
        _, errors = replay.communicate(timeout=DEADLINE_SECONDS)
    assert replay.returncode == 0, errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("scale", [1e-5, 1e307])
def test_a_loss_of_any_scale_is_readable(scale: float, tmp_path: Path) -> None:
    log = tmp_path / "scaled.jsonl"
    log.write_text("".join(f'{{"step": {step}, "nll": {1.62 * scale}}}\n' for step in range(150)))
    done = judge(log)
    assert done.returncode == 0, done.stderr
    assert f"NLL {1.62 * scale:.3g} at the end" in done.stdout


def test_a_pipe_without_an_end_is_an_error() -> None:
    with child(["yes", "step: 1 nll: 0.2"], stdout=subprocess.PIPE) as endless:
        done = finished([*COMMAND, "judge", "-"], stdin=endless.stdout)
    assert done.returncode == 2
    assert "standard input has more than 256 MiB" in " ".join(done.stderr.split())


def test_replay_of_an_unknown_run_is_bad_input() -> None:
    command = [*COMMAND, "replay", str(LOGS / "two_runs.txt"), "--run", "three", "--port", "0"]
    done = finished(command)
    assert done.returncode == 2
    assert "it has two_runs, two_runs-2" in done.stderr

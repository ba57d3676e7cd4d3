"""Damage logs at random and check that each is read or refused in time. Not part of the tests: run it by hand.

    .venv/bin/python tests/fuzz/fuzz_logs.py --seconds 600

Prints the seed of each log that raises anything but LogError, takes too long, or gives an impossible result.
"""

from __future__ import annotations

import argparse
import gzip
import logging
import math
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from recorded_runs import DATA, metric_logger_lines

from vae_exporter._process.settings import check_settings
from vae_exporter.errors import LogError
from vae_exporter.judge import engine
from vae_exporter.judge.judgement import judge
from vae_exporter.judge.logs.logged_run import LoggedRun, LogOptions, read_runs
from vae_exporter.judge.simulation import simulate

SLOW_SECONDS = 10.0

JUDGED_EVERY = 500
"""One of this many logs is also judged with promtool, which takes seconds."""

ALPHABET = "0123456789.,:;()[]{}'\"/\\ \t\r\n\x00\x1b-+eEnaif_\N{REPLACEMENT CHARACTER}損"


def originals() -> list[str]:
    """Return undamaged logs of all text formats."""
    csv = (DATA / "bad_run.csv").read_text()
    names, *rows = (line.split(",") for line in csv.splitlines())
    objects = (
        "{" + ", ".join(f'"{name}": {float(cell)}' for name, cell in zip(names, row, strict=True)) + "}" for row in rows
    )
    tensors = (
        "INFO:root:{"
        + ", ".join(f"'{name}': tensor({cell}, device='cuda:0')" for name, cell in zip(names, row, strict=True))
        + "}"
        for row in rows
    )
    return [
        "\n".join(metric_logger_lines("bad_run")),
        "\n".join(metric_logger_lines("good_run")),
        csv,
        "\n".join(objects),
        "\n".join(tensors),
        *(path.read_bytes().decode() for path in sorted((DATA / "logs").iterdir())),
    ]


def hurt(text: str, others: list[str], chance: random.Random) -> str:  # noqa: PLR0911 - one per kind of damage
    """Return *text* with one random kind of damage."""
    at, to = sorted(chance.randrange(len(text) + 1) for _ in range(2))
    near = min(to, at + chance.choice([1, 3, 40, 300]))
    match chance.randrange(9):
        case 0:
            return text[:at] + text[near:]
        case 1:
            return text[:at] + "".join(chance.choices(ALPHABET, k=chance.choice([1, 2, 50]))) + text[at:]
        case 2:
            return text[:near] + text[at:]  # pasted twice
        case 3:
            return text[:at]
        case 4:
            other = chance.choice(others)
            return text[:at] + other[chance.randrange(len(other) + 1) :]
        case 5:
            lines = text.splitlines(keepends=True)
            first = chance.randrange(len(lines) + 1)
            return "".join(lines[first:] + lines[:first])
        case 6:
            number = chance.choice(["nan", "-inf", "1e400", "-1", "9" * 30, "1e-400", "0x1f", "1_000", "", "1.2.3"])
            digits = [index for index, letter in enumerate(text) if letter.isdigit()]
            place = chance.choice(digits) if digits else 0
            return text[:place] + number + text[place + 1 :]
        case 7:
            return text.replace("\n", chance.choice(["\r\n", "\r", " ", "\n\n", "\x1b[0m\n"]))
        case _:
            return text[:at] + text[near:to][::-1] + text[to:]


def check(run: LoggedRun, *, with_engine: bool) -> None:
    """Read *run* to its end like `judge`, and check that the result is possible."""
    if with_engine:
        judge(run, rules=engine.rule_files())
    else:
        settings = check_settings(
            run=run.name,
            rank=0,
            loss_weights=run.loss_weights,
            band_edges=None,
            info=None,
            outputs_url=None,
            start_step=run.start_step,
        )
        simulate(settings, run.stretches)
    assert run.steps_read >= 1
    assert run.first_step is not None
    assert run.last_step is not None
    assert 0 <= run.first_step <= run.last_step or run.refused or run.steps_read > 1
    assert all(map(math.isfinite, run.loss_weights.values()))


def try_one(seed: int, texts: list[str], folder: Path, *, with_engine: bool) -> str | None:
    """Return what goes wrong with the log of *seed*, or None."""
    chance = random.Random(seed)  # noqa: S311 - the same log for the same seed
    text = chance.choice(texts)
    for _ in range(chance.choice([1, 1, 2, 5, 20])):
        text = hurt(text, texts, chance) or "\n"
    data = text.encode("utf-8", "replace")
    if chance.random() < 0.1:
        data = gzip.compress(data)
        data = data[: chance.randrange(len(data) + 1)]
    path = folder / "x.log"
    path.write_bytes(data)
    began = time.monotonic()
    try:
        for run in read_runs(path, LogOptions()):
            check(run, with_engine=with_engine)
    except LogError:
        pass
    except Exception:  # noqa: BLE001 - any other exception is a finding
        return traceback.format_exc()
    seconds = time.monotonic() - began
    return f"took {seconds:.0f} s" if seconds > SLOW_SECONDS * (10 if with_engine else 1) else None


def main() -> int:
    """Test damaged logs until the time is up. Return 1 if there were findings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0, help="seed of the first log")
    arguments = parser.parse_args()
    logging.getLogger("vae_exporter").setLevel(logging.CRITICAL)
    texts = originals()
    deadline = time.monotonic() + arguments.seconds
    seed, findings = arguments.seed, 0
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < deadline:
            finding = try_one(seed, texts, Path(folder), with_engine=seed % JUDGED_EVERY == 1)
            if finding:
                findings += 1
                print(f"seed {seed}: {finding}", flush=True)
            seed += 1
    print(f"{seed - arguments.seed} logs, {findings} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())

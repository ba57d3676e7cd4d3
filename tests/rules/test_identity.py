"""Runs with the same name in two clusters: the rules, pages and notifications keep them apart."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from vae_exporter.stack.programs import find_program
from vae_rules.__main__ import generated
from vae_rules.identity import Identity

ROOT = Path(__file__).parents[2]
CLUSTERS = Identity.parse("cluster,run")


def run(*command: str | Path) -> str:
    """Run *command*. If it fails, fail the test with its output."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def series(name: str, cluster: str, values: str, **labels: str) -> dict[str, str]:
    labels |= {"cluster": cluster, "run": "r", "rank": "0", "instance": f"{cluster}:9645", "job": "vae-training"}
    pairs = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return {"series": f"{name}{{{pairs}}}", "values": values}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the generated files by name, for an identity of two labels."""
    folder = tmp_path_factory.mktemp("clusters")
    for path, text in generated(ROOT, CLUSTERS).items():
        (folder / path.name).write_text(text, encoding="utf-8")
    return {path.name: path for path in folder.iterdir()}


def test_promtool_and_amtool_accept_the_files(files: dict[str, Path]) -> None:
    run(
        find_program("promtool"),
        *("check", "rules", "--lint=all", "--lint-fatal"),
        *(files[name] for name in ("training.yml", "liveness.yml", "gpu.yml")),
    )
    run(find_program("amtool"), "check-config", files["alertmanager.yml"])


def test_one_of_two_runs_with_one_name_diverges_and_its_page_names_the_cluster(files: dict[str, Path]) -> None:
    window = {"component": "judged", "window": "long", "lag": "0"}
    page = {
        "exp_labels": {"cluster": "a", "run": "r", "severity": "page"},
        "exp_annotations": {
            "summary": "Run a/r diverged: NLL 0.5. Stop it and resume from a checkpoint before the rise.",
            "description": (
                "The mean NLL of the last 100 steps is 0.5, above 0.3 (bad) and not falling; the level it held was "
                "0.15. Stop the run, look at its outputs, and resume from the last checkpoint before the rise, with a "
                "lower learning rate. Batches from a harder bucket look the same: pass group= to observe(). A long "
                "stretch of hard data looks the same. Add a probe (observe_probe) to tell them apart."
            ),
            "runbook_url": "https://github.com/vae-exporter/vae-exporter/blob/main/docs/runbooks/VaeNllDiverged.md",
            "dashboard_url": "http://grafana/d/vae-run?var-cluster=a&var-run=r",
            "outputs_url": "https://host/a",
        },
    }
    test = {
        "interval": "15s",
        "external_labels": {"grafana_url": "http://grafana"},
        "input_series": [
            series("vae_run_info", "a", "1x4", outputs_url="https://host/a"),
            series("vae_loss_window_mean", "a", "0.5x4", **window),
            series("vae_loss_window_steps", "a", "100x4"),
            series("vae_loss_window_values", "a", "100x4"),
            series("vae_loss_window_standard_error", "a", "0x4"),
            series("vae_loss_best_window_mean", "a", "0.15x4", window="short"),
            series("vae_loss_held_mean", "a", "0.15x4", component="judged"),
            series("vae_run_info", "b", "1x4", outputs_url="https://host/b"),
            series("vae_loss_window_mean", "b", "0.15x4", **window),
            series("vae_loss_window_steps", "b", "100x4"),
            series("vae_loss_window_values", "b", "100x4"),
            series("vae_loss_window_standard_error", "b", "0x4"),
            series("vae_loss_best_window_mean", "b", "0.15x4", window="short"),
            series("vae_loss_held_mean", "b", "0.15x4", component="judged"),
        ],
        "alert_rule_test": [{"alertname": "VaeNllDiverged", "eval_time": "30s", "exp_alerts": [page]}],
        "promql_expr_test": [
            {
                "expr": "run:vae_verdict",
                "eval_time": "30s",
                "exp_samples": [
                    {
                        "labels": 'run:vae_verdict{cluster="a",run="r",verdict="stop",reason="VaeNllDiverged"}',
                        "value": 1,
                    },
                    {"labels": 'run:vae_verdict{cluster="b",run="r",verdict="healthy",reason="excellent"}', "value": 1},
                ],
            }
        ],
    }
    unit_test = files["training.yml"].with_name("test.yml")
    unit_test.write_text(
        yaml.safe_dump({"rule_files": ["training.yml"], "evaluation_interval": "15s", "tests": [test]})
    )
    run(find_program("promtool"), "test", "rules", unit_test)


def test_the_notifications_are_grouped_and_held_back_by_cluster_and_run(files: dict[str, Path]) -> None:
    content = yaml.safe_load(files["alertmanager.yml"].read_text())

    assert content["route"]["group_by"] == ["cluster", "run"]
    assert [rule["equal"] for rule in content["inhibit_rules"]] == [
        ["cluster", "run"],
        ["cluster", "run", "rank"],
        ["cluster", "run", "gpu"],
        ["cluster", "run", "gpu"],
    ]
    for rule in content["inhibit_rules"]:
        for side in ("source_matchers", "target_matchers"):
            assert {'cluster=~".+"', 'run=~".+"'} <= set(rule[side])


@pytest.mark.parametrize("text", ["", "cluster", "run,cluster", "cluster, run", "run,run", "a-b,run"])
def test_an_identity_that_cannot_be_one_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="identity must be label names that end with run"):
        Identity.parse(text)

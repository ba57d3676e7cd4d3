"""The run: whether it is scraped, its steps, and what it said at its start."""

from __future__ import annotations

from vae_rules.rule import Record, Section
from vae_rules.seen import aggregated
from vae_rules.training.memory import remembered

RECORDS = Section(
    "The run",
    (
        Record(
            "run:vae_run:present",
            "max by (run) (last_over_time(vae_run_info[2m]))",
            "1 while the run is scraped",
            why="Here and below, two minutes bridge missed scrapes.",
        ),
        Record(
            "run:vae_run:is_remembered",
            remembered("run:vae_run:present"),
            "Present while the run is scraped, and for a day after it was last scraped",
        ),
        Record(
            "run:vae_run:resumed",
            aggregated("max by (run)", "vae_run_resumed") + " == 1",
            "1 if a process of the run resumed from a checkpoint, otherwise absent",
        ),
        Record(
            "run:vae_run:pretrained",
            aggregated("max by (run)", "vae_run_pretrained") + " == 1",
            "1 if the run started from pretrained weights, otherwise absent",
        ),
        Record(
            "run_rank:vae_exporter:metrics_version",
            """
              max by (run, rank) (last_over_time(vae_exporter_metrics_version[2m]))
            or
              group by (run, rank) (last_over_time(vae_exporter_build_info[2m]))
            """,
            "The version of the metrics that the exporter of the rank publishes: 1 if it does not say",
        ),
        Record(
            "run:vae_run:continues",
            'run:vae_run:resumed unless max by (run) (last_over_time(vae_change_first_step{change="stage"}[2m]))',
            "Present while what the processes of the day before have held counts: not after a new stage has begun",
        ),
        Record(
            "run_rank:vae_step:min2m",
            "min_over_time(run_rank:vae_step:max[2m])",
            "The step of the rank two minutes ago",
            why="This rule comes before the one that records the step of this evaluation.",
        ),
        Record("run_rank:vae_step:max", aggregated("max by (run, rank)", "vae_step"), "The newest step of the rank"),
        Record("run:vae_step:max", "max by (run) (run_rank:vae_step:max)", "The newest step of any rank"),
        Record(
            "run:vae_step:since_start",
            "run:vae_step:max - min by (run) (last_over_time(vae_run_start_step[2m]))",
            "How many steps the run has made since this process started",
        ),
        Record(
            "run:vae_learning_rate:max",
            "max by (run) (last_over_time(vae_learning_rate[2m]))",
            "The learning rate",
        ),
        Record(
            "run:vae_steps:total",
            "max by (run) (last_over_time(vae_steps_total[2m]))",
            "How many steps this process has observed",
        ),
    ),
)

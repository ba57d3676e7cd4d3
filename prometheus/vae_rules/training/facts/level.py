"""The level that the NLL has held, and what changed in the training since."""

from __future__ import annotations

from vae_exporter.vocabulary import NLL_PARTS
from vae_rules.rule import Record, Section
from vae_rules.seen import aggregated
from vae_rules.training.facts.aggregates import fact, lowest_earlier

RECORDS = Section(
    "The level that the NLL has held",
    (
        fact(
            "run:vae_nll:own_held",
            "avg",
            'vae_loss_held_mean{component="judged"}',
            "The lowest level that lasted for three long windows in a row, in this process",
        ),
        Record(
            "run:vae_nll:held_before",
            lowest_earlier("run:vae_nll:held"),
            "The level that a resumed run has from the processes of the day before, or from the run that it resumes",
        ),
        Record(
            "run:vae_nll:is_held_by_before",
            "run:vae_nll:held_before unless run:vae_nll:own_held < run:vae_nll:held_before",
            "Present while this is the level of the run",
        ),
        Record(
            "run:vae_nll:held",
            "run:vae_nll:is_held_by_before or run:vae_nll:own_held",
            "The lowest level that lasted for three long windows in a row",
        ),
        Record(
            "run:vae_nll:level",
            "run:vae_nll:held or run:vae_nll:best",
            "The level that a rise is compared with: the one that was held, or the best while there is none",
        ),
        *(
            Record(
                "run_component:vae_loss:held_before",
                lowest_earlier("run_component:vae_loss:held", f'{{component="{part}"}}'),
                "What each part of the NLL was at that level" if part == NLL_PARTS[0] else "",
                labels={"component": part},
            )
            for part in NLL_PARTS
        ),
        Record(
            "run_component:vae_loss:held",
            f"""
  run_component:vae_loss:held_before
    and ignoring (component) run:vae_nll:is_held_by_before
or
  {aggregated("avg by (run, component)", f'vae_loss_held_mean{{component=~"{"|".join(NLL_PARTS)}"}}')}
    unless ignoring (component) run:vae_nll:is_held_by_before
            """,
            "What each part of the NLL was while the NLL was at the level that it held",
        ),
        fact(
            "run:vae_nll:level_step",
            "max",
            "vae_loss_level_step",
            "The newest step at which the NLL was at its level: a rise began after it",
        ),
        Record(
            "run_change:vae_change:first_step",
            "max by (run, change) (last_over_time(vae_change_first_step[2m]))",
            "The first step of the newest change of each kind",
        ),
        Record(
            "run_change:vae_change:last_step",
            "max by (run, change) (last_over_time(vae_change_last_step[2m]))",
            "The last step of that change",
        ),
        Record(
            "run_change:vae_change:distance_steps",
            """
              clamp_min(run:vae_nll:level_step - on (run) group_right () run_change:vae_change:last_step, 0)
            unless
              run_change:vae_change:first_step
                > on (run) group_left () (run:vae_nll:level_step + run:vae_loss_window:steps)
            """,
            "How many steps before a rise began it ended; absent if it began after the rise",
        ),
        Record(
            "run_group:vae_nll:rise_ratio",
            "max by (run, group) (last_over_time(vae_loss_group_rise_ratio[2m]))",
            "For each group of batches whose NLL rose: how many times its own level it is at",
        ),
        fact(
            "run:vae_nll:has_own_edges",
            "max",
            'vae_band_edge{signal="nll"}',
            "Present if the run set the edges of its NLL itself",
        ),
        Record(
            "run:vae_nll:has_declared_scale",
            aggregated("max by (run)", "vae_loss_has_standard_scale") + " == 0",
            "Present if the run declared a loss that the default bands do not fit",
        ),
    ),
)

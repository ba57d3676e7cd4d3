"""The first layer: facts about a run, one series per fact and one value per run.

Only this layer aggregates over ranks and names the labels that identify a run. All later series have the same labels,
so they compare without ``on``, and you can query each by name.
"""

from __future__ import annotations

from textwrap import indent

from vae_exporter.vocabulary import NLL_PARTS
from vae_rules.rule import Record, Section
from vae_rules.seen import PARTS, aggregated
from vae_rules.training.succession import earlier

PAGES = ("VaeRunFailed", "VaeExporterDown", "VaeGpuFailing", "VaeGpuOutOfMemory", "VaeTrainingStalled")
"""The pages of the other files, the gravest first."""

_BEFORE = (
    ("mean", "0", "The mean of the judged NLL over the newest long window"),
    ("mean_before", "1", "The mean over the long window before"),
    ("mean_2_before", "2", "The mean over the one before that"),
    ("mean_3_before", "3", "The mean over the one before that"),
    ("mean_4_before", "4", "The mean over the one before that"),
    ("mean_5_before", "5", "The mean over the one before that"),
)


def _window(component: str, window: str, lag: str) -> str:
    return f'vae_loss_window_mean{{component{component},window="{window}",lag="{lag}"}}'


def _nll(name: str, window: str, lag: str, about: str, why: str = "") -> Record:
    return Record(f"run:vae_nll:{name}", aggregated("avg by (run)", _window('="judged"', window, lag)), about, why)


def _fact(name: str, operator: str, series: str, about: str) -> Record:
    return Record(name, aggregated(f"{operator} by (run)", series), about)


def _lowest(name: str, own: str, about: str, why: str = "") -> Record:
    return Record(f"run:vae_nll:{name}", _with_earlier(f"run:vae_nll:{name}", f"run:vae_nll:{own}", "min"), about, why)


def _with_earlier(name: str, own: str, choose: str) -> str:
    return f"""
{choose} without (of, successor) (
    {own}
  or
{indent(earlier(name), PARTS)}
)
"""


def _lowest_earlier(series: str) -> str:
    return f"min without (of, successor) (\n{indent(earlier(series), PARTS)}\n)"


def _other(name: str, components: tuple[str, ...], lag: str, about: str) -> Record:
    series = _window(f'=~"{"|".join(components)}"', "long", lag)
    return Record(f"run_component:vae_loss:{name}", aggregated("avg by (run, component)", series), about)


def _one_component(component: str, name: str) -> Record:
    return Record(
        f"run:vae_{component}:{name}",
        f'max without (component) (run_component:vae_loss:{name}{{component="{component}"}})',
        f"`run_component:vae_loss:{name}` of {component}",
    )


RUN = Section(
    "The run",
    (
        Record(
            "run:vae_run:present",
            "max by (run) (last_over_time(vae_run_info[2m]))",
            "1 while the run is scraped",
            why="Here and below, two minutes bridge missed scrapes.",
        ),
        Record(
            "run:vae_run:resumed",
            "max by (run) (last_over_time(vae_run_resumed[2m]) == 1)",
            "1 if a process of the run resumed from a checkpoint, otherwise absent",
        ),
        _fact(
            "run:vae_run:pretrained",
            "max",
            "vae_run_pretrained",
            "1 if the run started from pretrained weights, else 0",
        ),
        Record(
            "run:vae_page:bool",
            f"""
            group by (run, reason) (
              label_replace(
                ALERTS{{
                  alertname=~"{"|".join(PAGES)}",
                  alertstate="firing"
                }},
                "reason", "$1", "alertname", "(.+)"
              )
            )
            """,
            "1 while a page about the life of the run or its GPUs fires, with the page as the reason",
            why="They are judged in other files, so this is one evaluation late.",
            more_labels=("reason",),
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

NLL = Section(
    "The NLL that is judged",
    (
        Record(
            "run:vae_loss_window:steps",
            "max by (run) (last_over_time(vae_loss_window_steps[2m]))",
            "The length of a long window, in steps; a short one is a tenth of it",
        ),
        *(_nll(name, "long", lag, about) for name, lag, about in _BEFORE),
        _nll("mean_before_short", "long", "0.1", "The mean over the long window that ends before the newest short one"),
        _nll("short_mean", "short", "0", "The mean over the newest short window"),
        _nll("short_mean_before", "short", "1", "The mean over the short window before"),
        _fact("run:vae_nll:values", "avg", "vae_loss_window_values", "The number of values in the newest long window"),
        _fact(
            "run:vae_nll:standard_error",
            "avg",
            "vae_loss_window_standard_error",
            "The standard error of the mean, for correlated values",
        ),
        Record(
            "run:vae_nll:lower_bound",
            "run:vae_nll:mean - $errors * run:vae_nll:standard_error and run:vae_nll:values >= $needed_values",
            "What the mean is at least: $errors standard errors below it",
            why="Alerts about a rise compare this with an edge, never the bare mean.",
        ),
        _fact(
            "run:vae_nll:own_best",
            "avg",
            'vae_loss_best_window_mean{window="long"}',
            "The lowest mean over a long window in this process",
        ),
        _lowest(
            "best",
            "own_best",
            "The same, and for a resumed run of the processes of the day before",
            why="A run may resume in the middle of a rise: its own best then says nothing.",
        ),
        _fact(
            "run:vae_nll:own_short_best",
            "avg",
            'vae_loss_best_window_mean{window="short"}',
            "The lowest mean over a short window in this process",
        ),
        _lowest("short_best", "own_short_best", "The same, and for a resumed run of the processes of the day before"),
        _fact(
            "run:vae_nll:own_highest",
            "avg",
            "vae_loss_highest_window_mean",
            "The highest mean over a long window in this process",
        ),
        Record(
            "run:vae_nll:highest",
            _with_earlier("run:vae_nll:highest", "run:vae_nll:own_highest", "max"),
            "The same, and for a resumed run of the processes of the day before",
        ),
        _fact(
            "run:vae_nll:start",
            "avg",
            'vae_loss_start{component="nll"}',
            "The mean of the first ten NLLs of this process",
        ),
        Record(
            "run:vae_nll_growth:ratio",
            "run:vae_nll:mean / run:vae_nll:mean_3_before",
            "The NLL relative to the mean three long windows before",
        ),
    ),
)

LEVEL = Section(
    "The level that the NLL has held",
    (
        _fact(
            "run:vae_nll:own_held",
            "avg",
            'vae_loss_held_mean{component="judged"}',
            "The lowest level that lasted for three long windows in a row, in this process",
        ),
        Record(
            "run:vae_nll:held_before",
            _lowest_earlier("run:vae_nll:held"),
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
                _lowest_earlier(f'run_component:vae_loss:held{{component="{part}"}}'),
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
        _fact(
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
        Record(
            "run:vae_nll:has_own_edges",
            'max by (run) (last_over_time(vae_band_edge{signal="nll"}[2m]))',
            "Present if the run set the edges of its NLL itself",
        ),
        Record(
            "run:vae_nll:has_declared_scale",
            "max by (run) (last_over_time(vae_loss_has_standard_scale[2m])) == 0",
            "Present if the run declared a loss that the default bands do not fit",
        ),
        Record(
            "run_rank:vae_nll:lower_bound",
            """
                avg by (run, rank) (last_over_time(vae_loss_window_mean{component="judged",window="long",lag="0"}[2m]))
              -
                $errors * avg by (run, rank) (last_over_time(vae_loss_window_standard_error[2m]))
            and
              avg by (run, rank) (last_over_time(vae_loss_window_values[2m])) >= $needed_values
            """,
            "What the mean of the rank is at least",
        ),
        Record(
            "run:vae_nll:median",
            """
              quantile by (run) (0.5, run_rank:vae_nll:lower_bound)
            and
              count by (run) (run_rank:vae_nll:lower_bound) >= 3
            """,
            "The median of at least three ranks",
        ),
        Record(
            "run_rank:vae_nll:ratio_to_median",
            "run_rank:vae_nll:lower_bound / on (run) group_left () run:vae_nll:median",
            "What the mean of the rank is at least, relative to the median of the ranks",
        ),
    ),
)

RESIDUAL_LAGS = (("ratio", "0"), ("ratio_before", "1"), ("ratio_2_before", "2"), ("ratio_3_before", "3"))

COMPONENTS = Section(
    "The other losses",
    (
        *(
            Record(
                f"run:vae_nll_residual:{name}",
                f'avg by (run) (last_over_time(vae_nll_unexplained_ratio{{lag="{lag}"}}[2m]))',
                f"The share of the NLL, {lag} long windows ago, that its weighted parts leave unexplained"
                if lag != "0"
                else "The share of the NLL over the newest long window that its weighted parts leave unexplained: 0 if "
                "they add up to it",
            )
            for name, lag in RESIDUAL_LAGS
        ),
        _other("mean", (*NLL_PARTS, "kl", "total"), "0", "The mean over the newest long window"),
        _other("mean_before", ("kl", "total"), "1", "The mean over the long window before"),
        _other("mean_3_before", ("kl",), "3", "The mean three long windows before"),
        Record(
            "run_component:vae_loss:weight",
            "max by (run, component) (last_over_time(vae_loss_weight[2m]))",
            "The weight that the run declared",
        ),
        Record(
            "run_component:vae_nll_part:weight",
            "max by (run, component) (last_over_time(vae_nll_part_weight[2m]))",
            "The weight of each part in the NLL that is judged; absent if the parts cannot be told apart",
        ),
        Record(
            "run_component:vae_loss:contribution",
            """
              run_component:vae_nll_part:weight * run_component:vae_loss:mean
            or
              run_component:vae_loss:weight * run_component:vae_loss:mean
            """,
            "What the component adds to the loss: its weight times its mean over the newest long window",
        ),
        _one_component("rec", "mean"),
        _one_component("rec", "contribution"),
        _one_component("perception", "mean"),
        _one_component("perception", "contribution"),
        _one_component("kl", "mean"),
        _one_component("kl", "mean_before"),
        _one_component("kl", "mean_3_before"),
        _one_component("kl", "weight"),
        _fact(
            "run:vae_kl:start",
            "avg",
            'vae_loss_start{component="kl"}',
            "The mean of the first ten KL losses of this process",
        ),
        _one_component("total", "mean"),
        _one_component("total", "mean_before"),
    ),
)

NONFINITE = Section(
    "NaN and infinite losses",
    (
        Record(
            "run_rank:vae_last_nonfinite_step:max",
            aggregated("max by (run, rank)", "vae_last_nonfinite_step"),
            "The newest step of the rank with a NaN or infinite loss",
        ),
        Record(
            "run_component:vae_last_nonfinite_step:max",
            aggregated("max by (run, component)", "vae_last_nonfinite_step"),
            "The newest step at which this component was NaN or infinite",
        ),
        Record(
            "run_component:vae_nonfinite_since_step:min",
            aggregated("min by (run, component)", "vae_nonfinite_since_step"),
            "The first step of the newest unbroken series of such values",
        ),
    ),
)

RECONSTRUCTION = Section(
    "The reconstructions, if they were compared within the last $reconstruction_age steps",
    (
        Record(
            "run:vae_reconstruction_age:steps",
            "run:vae_step:max - max by (run) (last_over_time(vae_reconstruction_step[2m]))",
            "How many steps ago the reconstructions were last compared with their inputs",
        ),
        *(
            Record(
                f"run:vae_reconstruction_{name}:ratio",
                f"""
                  avg by (run) (last_over_time(vae_reconstruction_{name}_ratio[2m]))
                and
                  run:vae_reconstruction_age:steps <= $reconstruction_age
                """,
                f"The {name} of the reconstructions relative to that of their inputs",
            )
            for name in ("sharpness", "contrast")
        ),
    ),
)

PROBE = Section(
    "The probe clip",
    (
        Record(
            "run:vae_probe:step",
            "max by (run) (last_over_time(vae_probe_step[2m]))",
            "The step at which the probe was last evaluated",
        ),
        Record(
            "run:vae_probe:own_best",
            'avg by (run) (last_over_time(vae_probe_best_loss{component="nll"}[2m]))',
            "The lowest NLL of the probe in this process",
        ),
        Record(
            "run:vae_probe:best",
            _with_earlier("run:vae_probe:best", "run:vae_probe:own_best", "min"),
            "The same, and for a resumed run of the processes of the day before",
            why="In a run that resumes from a bad checkpoint, the first probe is as bad as the later ones.",
        ),
        Record(
            "run:vae_probe_growth:ratio",
            """
                avg by (run) (last_over_time(vae_probe_loss{component="nll"}[2m]))
              /
                run:vae_probe:best
            and
              run:vae_step:max - run:vae_probe:step < $probe_age
            """,
            "The NLL of the probe relative to its best, if it was evaluated within the last $probe_age steps",
        ),
        Record(
            "run:vae_probe_training_nll:mean",
            "avg by (run) (last_over_time(vae_probe_training_nll[2m]))",
            "The NLL of the training over the short window before the probe",
        ),
    ),
)

"""The first layer: facts about a run, one series per fact and one value per run.

Only this layer aggregates over ranks and names the labels that identify a run. All later series have the same labels,
so they compare without ``on``, and you can query each by name.
"""

from __future__ import annotations

from vae_exporter.vocabulary import NLL_PARTS
from vae_rules.rule import Record, Section
from vae_rules.seen import aggregated, without_logvar

_BEFORE = (
    ("mean", "0", "The mean of the last 100 steps"),
    ("mean_before", "100", "The mean of the 100 steps before"),
    ("mean_2_before", "200", "The mean of the 100 steps before those"),
    ("mean_3_before", "300", "The mean of the 100 steps before those"),
)


def _window(component: str, window: int, lag: str) -> str:
    return f'vae_loss_window_mean{{component{component},window="{window}",lag="{lag}"}}'


def _nll(name: str, window: int, lag: str, about: str, why: str = "") -> Record:
    return Record(f"run:vae_nll:{name}", without_logvar(_window('="nll"', window, lag)), about, why)


def _own_best(name: str, window: int, about: str) -> Record:
    series = f'vae_loss_best_window_mean{{component="nll",window="{window}"}}'
    return Record(f"run:vae_nll:{name}", without_logvar(series), about)


def _best(name: str, own: str, about: str, why: str = "") -> Record:
    expr = f"""
    min without (of) (
        run:vae_nll:{own}
      or
        label_replace(last_over_time(run:vae_nll:{name}[1d]) and run:vae_run:resumed, "of", "before", "", "")
    )
    """
    return Record(f"run:vae_nll:{name}", expr, about, why)


def _judged_components(name: str, lag: str, about: str) -> Record:
    components = NLL_PARTS if name in ("mean_before", "mean_2_before") else (*NLL_PARTS, "kl", "total")
    series = _window(f'=~"{"|".join(components)}"', 100, lag)
    return Record(f"run_component:vae_loss:{name}", aggregated("avg by (run, component)", series), about)


def _earlier(of: str) -> Record:
    return Record(
        f"{of}:mean_earlier",
        f"""
            {of}:mean_before / 3
          +
            {of}:mean_2_before / 3
          +
            {of}:mean_3_before / 3
        or
            {of}:mean_before / 2
          +
            {of}:mean_2_before / 2
        or
          {of}:mean_before
        """,
        "The mean of these 300 steps, or of as many as this process has made",
    )


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
        Record(
            "run:vae_logvar:mean",
            "avg by (run) (last_over_time(vae_logvar[2m])) or run:vae_run:present * 0",
            "The learned `logvar`, or 0 if there is none",
        ),
    ),
)

NLL = Section(
    "The NLL without a learned logvar: (nll - logvar) * exp(logvar)",
    (
        *(_nll(name, 100, lag, about) for name, lag, about in _BEFORE),
        _earlier("run:vae_nll"),
        _nll("mean_before_short", 100, "10", "The mean of the 100 steps before the last 10"),
        _nll("short_mean", 10, "0", "The mean of the last 10 steps"),
        _nll("short_mean_before", 10, "10", "The mean of the 10 steps before"),
        _own_best("own_best", 100, "The lowest 100-step mean of this process"),
        _best(
            "best",
            "own_best",
            "The same or, if the run resumed, the lowest of this process and of those within the day before",
            why="A run may resume in the middle of a rise, and then the best of this process is no baseline.",
        ),
        _own_best("own_short_best", 10, "The lowest 10-step mean of this process"),
        _best(
            "short_best",
            "own_short_best",
            "The same or, if the run resumed, the lowest of this process and of those within the day before",
        ),
        Record(
            "run:vae_nll:start",
            without_logvar('vae_loss_start{component="nll"}'),
            "The first NLL of this process",
        ),
        Record(
            "run:vae_nll_growth:ratio",
            "run:vae_nll:mean / run:vae_nll:mean_3_before",
            "The NLL relative to its mean 300 steps earlier",
        ),
    ),
)

COMPONENTS = Section(
    "The other losses",
    (
        *(_judged_components(name, lag, about) for name, lag, about in _BEFORE),
        _earlier("run_component:vae_loss"),
        Record(
            "run_component:vae_loss:weight",
            "max by (run, component) (last_over_time(vae_loss_weight[2m]))",
            "The weight that the run declared",
        ),
        Record(
            "run_component:vae_nll_part:weight",
            f'run_component:vae_loss:weight{{component=~"{"|".join(NLL_PARTS)}"}}',
            "The same, only for the parts of the NLL",
        ),
        Record(
            "run_component:vae_loss:contribution",
            "run_component:vae_loss:weight * run_component:vae_loss:mean",
            "What the component contributes to the loss: its weight times its mean over the last 100 steps",
        ),
        _one_component("rec", "mean"),
        _one_component("rec", "contribution"),
        _one_component("perception", "mean"),
        _one_component("perception", "contribution"),
        _one_component("kl", "mean"),
        _one_component("kl", "mean_3_before"),
        _one_component("kl", "weight"),
        Record(
            "run:vae_kl:start",
            'avg by (run) (last_over_time(vae_loss_start{component="kl"}[2m]))',
            "The first KL loss of this process",
        ),
        _one_component("total", "mean"),
        _one_component("total", "mean_3_before"),
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
            "run:vae_probe_growth:ratio",
            """
                avg by (run) (last_over_time(vae_probe_loss{component="nll"}[2m]))
              /
                avg by (run) (last_over_time(vae_probe_best_loss{component="nll"}[2m]))
            and
              run:vae_step:max - run:vae_probe:step < $probe_age
            """,
            "The NLL of the probe relative to its best, if it was evaluated within the last $probe_age steps",
        ),
    ),
)

DISCRIMINATOR = Section(
    "The discriminator",
    (
        Record(
            "run:vae_discriminator:since_start",
            "run:vae_step:max - max by (run) (last_over_time(vae_discriminator_start_step[2m]))",
            "How many steps ago the discriminator started",
        ),
    ),
)

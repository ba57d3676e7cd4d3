"""The other losses, and what the weighted parts leave of the NLL."""

from __future__ import annotations

from vae_exporter.vocabulary import NLL_PARTS
from vae_rules.rule import Record, Section
from vae_rules.seen import aggregated
from vae_rules.training.facts.aggregates import fact, window_mean

RESIDUAL_LAGS = (("ratio", "0"), ("ratio_before", "1"), ("ratio_2_before", "2"), ("ratio_3_before", "3"))


def _other(name: str, components: tuple[str, ...], lag: str, about: str) -> Record:
    series = window_mean(f'=~"{"|".join(components)}"', "long", lag)
    return Record(f"run_component:vae_loss:{name}", aggregated("avg by (run, component)", series), about)


def _one_component(component: str, name: str) -> Record:
    return Record(
        f"run:vae_{component}:{name}",
        f'max without (component) (run_component:vae_loss:{name}{{component="{component}"}})',
        f"`run_component:vae_loss:{name}` of {component}",
    )


RECORDS = Section(
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
              (run_component:vae_nll_part:weight or run_component:vae_loss:weight)
            *
              run_component:vae_loss:mean
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
        fact(
            "run:vae_kl:start",
            "avg",
            'vae_loss_start{component="kl"}',
            "The mean of the first ten KL losses of this process",
        ),
        _one_component("total", "mean"),
        _one_component("total", "mean_before"),
    ),
)

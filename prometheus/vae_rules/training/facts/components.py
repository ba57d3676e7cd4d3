"""The other losses, and what the weighted parts leave of the NLL."""

from __future__ import annotations

from vae_exporter.vocabulary import NLL_PARTS
from vae_rules.rule import Record, Section
from vae_rules.seen import aggregated
from vae_rules.training.facts.aggregates import fact, window_mean

RESIDUAL_LAGS = (("ratio", "0"), ("ratio_before", "1"), ("ratio_2_before", "2"), ("ratio_3_before", "3"))

_COMPONENTS = (*NLL_PARTS, "kl", "total")


def _before(component: str, lag: str, name: str, about: str) -> Record:
    return fact(f"run:vae_{component}:{name}", "avg", window_mean(f'="{component}"', "long", lag), about)


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
        Record(
            "run_component:vae_loss:mean",
            aggregated("avg by (run, component)", window_mean(f'=~"{"|".join(_COMPONENTS)}"', "long", "0")),
            "The mean over the newest long window",
        ),
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
        _before("kl", "1", "mean_before", "The mean of the KL loss over the long window before"),
        _before("kl", "3", "mean_3_before", "The mean of the KL loss three long windows before"),
        _one_component("kl", "weight"),
        fact(
            "run:vae_kl:start",
            "avg",
            'vae_loss_start{component="kl"}',
            "The mean of the first ten KL losses of this process",
        ),
        _one_component("total", "mean"),
        _before("total", "1", "mean_before", "The mean of the total over the long window before"),
    ),
)

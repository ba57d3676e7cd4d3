"""Pictures of the outputs: the newest, and the one before the rise. Only on dashboards written with ``--pictures``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import canvas, common
from grafana_foundation_sdk.models import canvas as models
from grafana_foundation_sdk.models.common import ResourceDimensionMode
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

from vae_dashboards.meanings import called
from vae_dashboards.panels import Words, of_curves
from vae_dashboards.queries import Query, of_run
from vae_dashboards.tables import Column, only, rows

if TYPE_CHECKING:
    from vae_dashboards.board import Panels

NO_PICTURES = "Set TrainingExporter(outputs_url=) to the URL of a picture, or to one with {step} and outputs_every=."


def _last(labels: str, series: str) -> str:
    """Query for *series* as it is or, of a run that has ended, as it was last."""
    now = f"max by ({labels}) ({of_run(series)})"
    return f"({now} or max by ({labels}) (last_over_time({of_run(series)}[$__range])) unless on (run) {now})"


EVERY = _last("run, picture_url", "vae_outputs_every_steps")

NEWEST = _last("run", "run:vae_step:max")
BEFORE = _last("run", "run:vae_nll:level_step")


def pictures() -> Panels:
    """Return the pictures, and links to them."""
    columns = [
        Column("when", "Picture", width=120),
        Column("picture", "Link", link=("Open", "${__value.raw}"), meaning=called("Open the picture")),
    ]
    return [
        _picture("Newest picture", "The newest outputs.", Query(picture_at(NEWEST))),
        _picture(
            "Picture before the rise",
            "The outputs at the newest step at which the NLL was at its level.",
            Query(picture_at(BEFORE)),
        ),
        rows(
            Words("Links to the pictures", "The URLs of both pictures.", NO_PICTURES),
            [
                Query(_named("newest", picture_at(NEWEST)), name="newest"),
                Query(_named("before the rise", picture_at(BEFORE)), name="before"),
            ],
            columns,
            (8, 10),
        ).transformations([DataTransformerConfig(id_val="merge", options={}), *only(columns)]),
    ]


def picture_at(step: str) -> str:
    """Return a query for the URL of the last picture until *step*, a query by run, in the label ``picture``.

    ``count_values`` turns the step into a label, which is joined with the parts of the URL around it.
    """
    of_step = f"({EVERY} > 0) * floor({step} / on (run) group_right () ({EVERY} > 0))"
    parts = f'count_values by (run, picture_url) ("step", {of_step})'
    for name, part in {"before": "(.*)[{]step[}].*", "after": ".*[{]step[}](.*)"}.items():
        parts = f'label_replace({parts}, "{name}", "$1", "picture_url", "{part}")'
    joined = f'label_join({parts}, "picture", "", "before", "step", "after")'
    fixed = f'label_replace({EVERY} == 0, "picture", "$1", "picture_url", "(.+)")'
    return f"group by (run, picture) ({joined} or {fixed})"


def _named(when: str, expr: str) -> str:
    return f'label_replace({expr}, "when", "{when}", "", "")'


def _picture(title: str, description: str, query: Query) -> canvas.Panel:
    """Draw the picture as large as the panel."""
    picture = (
        canvas.CanvasElementOptions()
        .name("picture")
        .type("rectangle")
        .config({})
        .constraint(
            canvas.Constraint().horizontal(models.HorizontalConstraint.SCALE).vertical(models.VerticalConstraint.SCALE)
        )
        .placement(canvas.Placement().top(0).left(0).right(0).bottom(0))
        .background(
            canvas.BackgroundConfig()
            .color(common.ColorDimensionConfig().fixed("transparent"))
            .image(common.ResourceDimensionConfig().mode(ResourceDimensionMode.MAPPING).field("picture").fixed(""))
            .size(models.BackgroundImageSize.CONTAIN)
        )
    )
    panel = of_curves(canvas.Panel(), Words(title, description, NO_PICTURES), "none", (8, 10))
    panel.with_target(query.now())
    panel.inline_editing(False).pan_zoom(False).infinite_pan(False)  # noqa: FBT003 - the SDK's signature
    return panel.root(canvas.CanvasOptionsRoot().name("pictures").elements([picture]))

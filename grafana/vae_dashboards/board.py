"""A dashboard: its variables, annotations and links, and the layout of its panels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grafana_foundation_sdk.builders import dashboard as dashboards
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from vae_dashboards.queries import DATASOURCE, of_run

if TYPE_CHECKING:
    from collections.abc import Sequence

TAGS = ["vae"]

Panels = list[Builder[models.Panel]]


@dataclass(frozen=True)
class Row:
    """Panels under a heading, in reading order.

    If *repeat* names a variable, Grafana repeats the row for each of its values.
    """

    title: str
    panels: Panels
    repeat: str = ""


@dataclass(frozen=True)
class Annotation:
    """A mark on all curves wherever *expr* returns a series. *text* may refer to labels of that series."""

    name: str
    expr: str
    title: str
    color: str
    text: str = "{{run}}"
    shown: bool = True


class _Annotation(Builder[models.AnnotationQuery]):
    """The SDK has no fields for the title, the text and the step of a Prometheus annotation."""

    def __init__(self, annotation: Annotation) -> None:
        self._annotation = annotation

    def build(self) -> models.AnnotationQuery:
        return _WordedAnnotation(self._annotation)


class _WordedAnnotation(models.AnnotationQuery):
    def __init__(self, annotation: Annotation) -> None:
        super().__init__(
            name=annotation.name,
            datasource=DATASOURCE,
            enable=annotation.shown,
            hide=annotation.shown,  # its switch, of which a phone would show five lines before the verdict
            icon_color=annotation.color,
            expr=annotation.expr,
            built_in=None,
        )
        self._words = {
            "titleFormat": annotation.title,
            "textFormat": annotation.text,
            "tagKeys": "run",
            "step": ANNOTATION_STEP,
        }

    def to_json(self) -> dict[str, object]:
        return {**super().to_json(), **self._words}


ANNOTATION_STEP = "1m"
"""The smallest step of annotation queries."""


@dataclass(frozen=True)
class Board:
    """A dashboard. *variables* come in addition to the data source, and *rows* are from top to bottom."""

    uid: str
    title: str
    description: str
    variables: Sequence[Builder[models.VariableModel]]
    rows: Sequence[Row]
    annotations: Sequence[Annotation] = ()
    since: str = "now-3h"
    refresh: str = "10s"
    links: Sequence[Builder[models.DashboardLink]] = field(default_factory=list)

    def build(self) -> models.Dashboard:
        """Return the dashboard, with its panels numbered in reading order."""
        builder = (
            dashboards.Dashboard(self.title)
            .uid(self.uid)
            .description(self.description)
            .tags(TAGS)
            .readonly()
            .time(self.since, "now")
            .refresh(self.refresh)
            .timezone("browser")
            .tooltip(models.DashboardCursorSync.CROSSHAIR)
            .with_variable(_datasource())
        )
        for variable in self.variables:
            builder.with_variable(variable)
        for annotation in self.annotations:
            builder.annotation(_Annotation(annotation))
        builder.link(_others())
        for more in self.links:
            builder.link(more)
        number = 0
        for row in self.rows:
            if row.title:
                number += 1
                heading = dashboards.Row(row.title).id(number)
                builder.with_row(heading.repeat(row.repeat) if row.repeat else heading)
            for panel in row.panels:
                number += 1
                builder.with_panel(_Numbered(panel, number))
        return builder.build()


class _Numbered(Builder[models.Panel]):
    def __init__(self, panel: Builder[models.Panel], number: int) -> None:
        self._panel = panel
        self._number = number

    def build(self) -> models.Panel:
        panel = self._panel.build()
        panel.id_val = self._number
        return panel


def choice(
    name: str, label: str, description: str, query: str, *, everything: bool = False
) -> dashboards.QueryVariable:
    """Return a variable that selects values of a label, among those in the selected time range."""
    variable = (
        dashboards.QueryVariable(name)
        .label(label)
        .description(description)
        .datasource(DATASOURCE)
        .query({"qryType": 1, "query": query, "refId": "variable"})
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)  # noqa: FBT003 - the SDK's signature
        .include_all(everything)
        .allow_custom_value(True)  # noqa: FBT003
    )
    if everything:
        variable.all_value(".*").current(models.VariableOption(selected=True, text="All", value="$__all"))
    return variable


def named_choice(name: str, label: str, description: str, query: str, *, text: str) -> dashboards.QueryVariable:
    """Return a variable that selects values of the label *name* of *query*, and shows its label *text* instead."""
    return (
        choice(name, label, description, "", everything=True)
        .query({"qryType": 3, "query": f"query_result({query})", "refId": "variable"})
        .regex(f'/{text}="(?<text>[^"]+)|{name}="(?<value>[^"]+)/g')
    )


def runs(*, everything: bool = False) -> dashboards.QueryVariable:
    """Return a variable that selects runs, in descending order, because names often contain a date."""
    return choice(
        "run",
        "Run",
        "Type to search. Select several runs to see them side by side.",
        "label_values(vae_run_info, run)",
        everything=everything,
    ).sort(models.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_DESC)


def ranks() -> dashboards.QueryVariable:
    """Return a variable that selects ranks of the selected runs."""
    return choice(
        "rank",
        "Rank",
        "The processes of a run. Verdicts and judged means always cover all ranks.",
        f"label_values({of_run('vae_run_info')}, rank)",
        everything=True,
    ).sort(models.VariableSort.NUMERICAL_ASC)


def runs_before() -> dashboards.QueryVariable:
    """Return a hidden variable with the runs that the selected runs resume under another name."""
    return (
        choice("before", "Resumed runs", "", f"label_values({of_run('vae_run_info')}, resumes)", everything=False)
        .include_all(True)  # noqa: FBT003 - the SDK's signature
        .current(models.VariableOption(selected=True, text="All", value="$__all"))
        .hide(models.VariableHide.HIDE_VARIABLE)
    )


def _datasource() -> dashboards.DatasourceVariable:
    return dashboards.DatasourceVariable("datasource").label("Data source").type("prometheus")


def _others() -> dashboards.DashboardLink:
    return (
        dashboards.DashboardLink("VAE dashboards")
        .type(models.DashboardLinkType.DASHBOARDS)
        .tags(TAGS)
        .as_dropdown(True)  # noqa: FBT003 - the SDK's signature
        .include_vars(True)  # noqa: FBT003
        .keep_time(True)  # noqa: FBT003
    )


def leads_to(uid: str, *variables: tuple[str, str]) -> str:
    """Return a link to the dashboard *uid* that keeps the data source and the time range."""
    chosen: Any = [("datasource", "${datasource}"), *variables]
    return f"/d/{uid}?{'&'.join(f'var-{name}={value}' for name, value in chosen)}&${{__url_time_range}}"

"""The style of series, cells, axes and legends."""

from __future__ import annotations

from grafana_foundation_sdk.builders import (
    common,
)
from grafana_foundation_sdk.builders import dashboard as dashboards
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
)

from vae_dashboards.meanings import GRAY


def fixed(color: str) -> DynamicConfigValue:
    """Draw a series in *color*."""
    return DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": color})


def dashed(width: int = 2) -> list[DynamicConfigValue]:
    """Draw a series as a dashed line that is not stacked."""
    return properties(
        {
            "custom.lineStyle": {"fill": "dash", "dash": [8, 6]},
            "custom.lineWidth": width,
            "custom.fillOpacity": 0,
            "custom.stacking": {"mode": "none", "group": "parts"},
        }
    )


def edge_of_bands() -> list[DynamicConfigValue]:
    """Draw a series as the edge of bands: without a line, and hidden from the legend and the tooltip."""
    return properties(
        {
            "custom.lineWidth": 0,
            "custom.showPoints": "never",
            "custom.hideFrom": {"tooltip": True, "viz": False, "legend": True},
        }
    )


def filled_down_to(name: str) -> list[DynamicConfigValue]:
    """Fill the area between a series and the lower one that is named *name*."""
    return properties({"custom.fillBelowTo": name, "custom.fillOpacity": 22})


def thin() -> list[DynamicConfigValue]:
    """Draw a series as a thin line."""
    return properties({"custom.lineWidth": 1})


def logarithmic() -> common.ScaleDistributionConfig:
    """Use a base-10 log scale."""
    return common.ScaleDistributionConfig().type(options.ScaleDistribution.LOG).log(10)


def colored() -> options.TableCellOptions:
    """Fill a cell with the color of its value. A cell without a value has no color."""
    return options.TableColoredBackgroundCellOptions(mode=options.TableCellBackgroundDisplayMode.BASIC)


def sparkline() -> options.TableCellOptions:
    """Draw the cells of a column as sparklines."""
    return options.TableSparklineCellOptions(line_width=2, fill_opacity=10, hide_value=True)


def properties(values: dict[str, object]) -> list[DynamicConfigValue]:
    """Set properties of a field, by their Grafana names."""
    return [DynamicConfigValue(id_val=name, value=value) for name, value in values.items()]


def plain(color: str = GRAY) -> dashboards.ThresholdsConfig:
    """Use no thresholds. The rules decide what is good or bad, and value mappings show it."""
    return dashboards.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps([Threshold(value=None, color=color)])


def legend_below(*, shown: bool) -> common.VizLegendOptions:
    """Put the legend below the panel, or hide it."""
    return (
        common.VizLegendOptions()
        .show_legend(shown)
        .display_mode(options.LegendDisplayMode.LIST)
        .placement(options.LegendPlacement.BOTTOM)
        .calcs([])
    )

"""A figure of a dashboard, and how it is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models

SOURCE = models.DataSourceRef(type_val="prometheus", uid="prometheus")
P = TypeVar("P", stat.Panel, timeseries.Panel)
_WIDE, _HIGH = 24, 8  # columns of a dashboard, rows of a graph

# Names of units as Grafana knows them.
SECONDS, AGE, BYTES, SHARE, RATE, COUNT = "s", "dtdurations", "bytes", "percentunit", "reqps", "short"


@dataclass(frozen=True)
class Figure:
    """What one panel shows.

    Attributes:
        title: Its title.
        about: What it means, for the tooltip.
        lines: Name of a line -> its expression; a name may hold labels, as {{feature}}.
        unit: Of the values.
        limits: Value -> colour from there on; drawn as lines in a graph.
        names: Value -> what is shown for it.
    """

    title: str
    about: str
    lines: dict[str, str]
    unit: str = COUNT
    limits: dict[float, str] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """A dashboard.

    Attributes:
        name: Of its file.
        title: Its title.
        numbers: Figures of which the last value is shown, in one row at the top; their number divides 24.
        graphs: Figures over time, two beside each other.
    """

    name: str
    title: str
    numbers: Sequence[Figure]
    graphs: Sequence[Figure]


def build(page: Page) -> models.Dashboard:
    """Make the dashboard."""
    builder = (
        dashboard.Dashboard(page.title)
        .uid(f"longhand-{page.name}")
        .tags(["longhand"])
        .time("now-6h", "now")
        .refresh("30s")
        .timezone("browser")
        .readonly()
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .link(dashboard.DashboardLink("Longhand").type(models.DashboardLinkType.DASHBOARDS).tags(["longhand"]))
    )
    for figure in page.numbers:
        builder = builder.with_panel(_number(figure).span(_WIDE // len(page.numbers)).height(4))
    for figure in page.graphs:
        builder = builder.with_panel(_graph(figure).span(_WIDE // 2).height(_HIGH))
    return builder.build()


def _number(figure: Figure) -> stat.Panel:
    panel = _dressed(stat.Panel(), figure)
    if all(name.startswith("{{") for name in figure.lines):  # what it is called says it, not its value
        panel = panel.text_mode(common_models.BigValueTextMode.NAME)
    return (
        panel.color_mode(common_models.BigValueColorMode.VALUE)
        .graph_mode(common_models.BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )


def _graph(figure: Figure) -> timeseries.Panel:
    style = common_models.GraphThresholdsStyleMode.LINE if figure.limits else common_models.GraphThresholdsStyleMode.OFF
    legend = (
        common.VizLegendOptions()
        .display_mode(common_models.LegendDisplayMode.LIST)
        .placement(common_models.LegendPlacement.BOTTOM)
        .show_legend(True)
    )
    return (
        _dressed(timeseries.Panel(), figure)
        .thresholds_style(common.GraphThresholdsStyleConfig().mode(style))
        .legend(legend)
        .fill_opacity(8)
        .line_width(2)
        .axis_soft_min(0)
        .show_points(common_models.VisibilityMode.AUTO)
    )


def _dressed(panel: P, figure: Figure) -> P:
    steps = [models.Threshold(value=None, color="green")]
    steps += [models.Threshold(value=value, color=colour) for value, colour in figure.limits.items()]
    thresholds = dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
    panel = panel.title(figure.title).description(figure.about).datasource(SOURCE).unit(figure.unit)
    panel = panel.thresholds(thresholds)
    if figure.names:
        shown = {str(value): models.ValueMappingResult(text=text) for value, text in figure.names.items()}
        panel = panel.mappings([models.ValueMap(options=shown)])
    for number, (name, expression) in enumerate(figure.lines.items()):
        query = prometheus.Dataquery().expr(expression).legend_format(name).ref_id(chr(ord("A") + number))
        panel = panel.with_target(query.range().datasource(SOURCE))
    return panel

"""The verdict as one HTML file with its plots and images inside, to be opened, sent or kept."""

import base64
import io
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import pandas as pd
from jinja2 import Environment
from matplotlib.figure import Figure

from src.data.samples import PackedSamples
from src.models.plots import ACCENT, GREY, INK

if TYPE_CHECKING:
    from src.registry.judge import Verdict

_SHOWN = 8  # images of each kind
_DOTS = 40  # slices in the plot


def write_page(
    verdict: "Verdict", champion: pd.DataFrame, challenger: pd.DataFrame, packed: PackedSamples, folder: Path
) -> None:
    """Write verdict.html.

    Args:
        verdict: What the gate said.
        champion: What the champion read (`read_samples`).
        challenger: What the challenger read of the same samples.
        packed: The images.
        folder: Where the page goes.
    """
    change = challenger["edits"] - champion["edits"]
    order = change.sort_values(kind="stable").index
    worse, better = [i for i in order[::-1] if change[i] > 0], [i for i in order if change[i] < 0]
    template = Environment(autoescape=True).from_string(
        files("src.registry").joinpath("verdict.html").read_text("utf-8")
    )
    page = template.render(
        verdict=verdict,
        samples=f"{len(champion):,}",
        writers=champion["writer"].nunique(),
        draws=_draws(verdict),
        dots=_dots(verdict),
        changes=[
            (f"Read worse than before: {len(worse)}", _rows(worse[:_SHOWN], champion, challenger, packed)),
            (f"Read better: {len(better)}", _rows(better[:_SHOWN], champion, challenger, packed)),
        ],
    )
    (folder / "verdict.html").write_text(page, encoding="utf-8")


def _rows(
    indices: list[Any], champion: pd.DataFrame, challenger: pd.DataFrame, packed: PackedSamples
) -> list[dict[str, str]]:
    rows = []
    for index in indices:
        sample = champion.loc[index]
        picture = 255 - packed[packed.row_of(sample["sample_id"])]
        rows.append(
            {
                "sample_id": sample["sample_id"],
                "text": sample["text"],
                "champion": sample["reading"],
                "challenger": challenger.loc[index, "reading"],
                "image": base64.b64encode(cv2.imencode(".png", picture)[1].tobytes()).decode(),
            }
        )
    return rows


def _draws(verdict: "Verdict") -> str:
    """The distribution of the difference, its interval and the line that it must not cross."""
    figure = Figure(figsize=(9, 3), layout="constrained")
    axes = figure.subplots()
    difference = verdict.difference
    axes.hist(100 * difference.draws, bins=60, color=GREY)
    axes.axvspan(100 * difference.low, 100 * difference.high, color=INK, alpha=0.12, label="interval")
    axes.axvline(100 * difference.mean, color=INK, label="difference")
    axes.axvline(0.0, color=ACCENT, linestyle="--", label="no difference")
    axes.set_xlabel("CER of the challenger minus CER of the champion, points (left: better)")
    axes.set_yticks([])
    axes.legend(frameon=False)
    return _png(figure)


def _dots(verdict: "Verdict") -> str:
    """Two dots a slice: before and now."""
    table = verdict.slices.sort_values("samples", ascending=False).head(_DOTS).iloc[::-1]
    figure = Figure(figsize=(9, 0.9 + 0.26 * len(table)), layout="constrained")
    axes = figure.subplots()
    places = range(len(table))
    axes.hlines(places, 100 * table["champion"], 100 * table["challenger"], color=GREY)
    axes.plot(100 * table["champion"], places, "o", color=GREY, label="champion")
    axes.plot(100 * table["challenger"], places, "o", color=INK, label="challenger")
    names = [f"{row.kind}: {row.name} ({row.samples:,})" for row in table.itertuples()]
    axes.set_yticks(list(places), names, fontsize=8, parse_math=False)
    axes.set_xlabel("CER, %")
    axes.set_xlim(left=0)
    axes.legend(frameon=False, loc="lower right")
    return _png(figure)


def _png(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return base64.b64encode(buffer.getvalue()).decode()

"""The plots of training and evaluation, drawn without a screen."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from src.files import write_whole

INK = "#1f3a5f"
ACCENT = "#c8553d"
GREY = "#9aa5b1"
MAX_CLASSES = 40  # of a confusion matrix that a person can still read


def plot_history(history: Path, target: Path, title: str) -> None:
    """Draw a training's losses, and its error rates or accuracy, over the epochs.

    Args:
        history: history.csv with a column epoch; of train_loss, validation_loss, validation_accuracy,
            validation_cer, validation_wer and, of samples of several words, validation_lines_cer those that it has
            are drawn.
        target: The PNG.
        title: Over the picture.
    """
    table = pd.read_csv(history)
    figure = Figure(figsize=(10, 4), layout="constrained")
    losses, scores = figure.subplots(1, 2)
    _lines(losses, table, {"train_loss": GREY, "validation_loss": INK}, "loss")
    colours = {
        "validation_accuracy": INK, "validation_cer": INK, "validation_lines_cer": GREY, "validation_wer": ACCENT
    }  # fmt: skip
    _lines(scores, table, colours, "share")
    scores.set_ylim(0.0, None if scores.get_ylim()[1] > 1.0 else 1.0)
    if table["validation_loss"].notna().all():
        best = float(table["epoch"].to_numpy()[table["validation_loss"].to_numpy().argmin()])
        for axes in (losses, scores):
            axes.axvline(best, color=GREY, linestyle=":", linewidth=1)
    figure.suptitle(title)
    _save(figure, target)


def plot_confusion(matrix: NDArray[np.int64], labels: Sequence[str], target: Path) -> None:
    """Draw which word was read as which; of many words those with the most errors.

    Args:
        matrix: int64 [classes, classes]; rows are the words, columns what was read.
        labels: The words.
        target: The PNG.
    """
    chosen = np.arange(len(labels))
    title = "Word classifier: which word was read as which"
    if len(labels) > MAX_CLASSES:
        wrong = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * matrix.diagonal()
        chosen = np.sort(np.argsort(-wrong, kind="stable")[:MAX_CLASSES])
        title += f" (the {MAX_CLASSES} of {len(labels)} with the most errors)"
    part = matrix[np.ix_(chosen, chosen)]
    names = [labels[index] for index in chosen.tolist()]
    totals = matrix.sum(axis=1)[chosen]
    shares = part / np.maximum(totals, 1)[:, None]
    side = max(4.0, 0.32 * len(names) + 2.0)
    figure = Figure(figsize=(side + 1.0, side), layout="constrained")
    axes = figure.subplots()
    picture = axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
    rows = [f"{name} ({total})" for name, total in zip(names, totals, strict=True)]
    axes.set_yticks(range(len(names)), rows, fontsize=8)
    axes.set_xlabel("read as")
    axes.set_ylabel("word (samples)")
    for row, column in np.argwhere(part > 0):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, str(part[row, column]), ha="center", va="center", fontsize=6, color=colour)
    figure.colorbar(picture, ax=axes, label="share of the word's samples", shrink=0.7)
    axes.set_title(title, fontsize=10)
    _save(figure, target)


def plot_writers(per_writer: pd.DataFrame, cer: float, target: Path) -> None:
    """Draw each writer's CER, the worst on top, and the CER over all.

    Args:
        per_writer: Columns writer, samples, cer.
        cer: Over all writers, as a share.
        target: The PNG.
    """
    table = per_writer.sort_values("cer", kind="stable")
    figure = Figure(figsize=(8, max(2.5, 0.22 * len(table) + 1.2)), layout="constrained")
    axes = figure.subplots()
    axes.barh(range(len(table)), 100 * table["cer"], color=INK)
    names = [f"{writer} ({samples})" for writer, samples in zip(table["writer"], table["samples"], strict=True)]
    axes.set_yticks(range(len(table)), names, fontsize=7)
    axes.axvline(100 * cer, color=ACCENT, label=f"all writers: {100 * cer:.1f} %")
    axes.set_xlabel("CER, %")
    axes.set_ylabel("writer (samples)")
    axes.margins(y=0.01)
    axes.legend(loc="lower right")
    _save(figure, target)


def plot_lengths(per_length: pd.DataFrame, target: Path) -> None:
    """Draw the CER and the share of exact readings over the length of the text.

    Args:
        per_length: Columns length, samples, cer, exact_rate, the shortest texts first.
        target: The PNG.
    """
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(per_length))
    axes.bar(places - 0.2, 100 * per_length["cer"], 0.4, color=INK, label="CER")
    axes.bar(places + 0.2, 100 * per_length["exact_rate"], 0.4, color=GREY, label="whole text right")
    pairs = zip(per_length["length"], per_length["samples"], strict=True)
    axes.set_xticks(places, [f"{length}\n({samples})" for length, samples in pairs])
    axes.set_xlabel("characters in the text (samples)")
    axes.set_ylabel("%")
    axes.legend()
    _save(figure, target)


def plot_confidence(bins: pd.DataFrame, points: pd.DataFrame, accepted: pd.DataFrame, target: Path) -> None:
    """Draw confidence against the share that was right, and what accepting the most confident words costs.

    Args:
        bins: What `reliability` returns.
        points: Columns coverage and risk, shares, the least coverage first.
        accepted: What `acceptance` returns.
        target: The PNG.
    """
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="as often right as it says")
    left.plot(bins["confidence"], bins["right"], color=INK, marker="o", label="words, in groups of equally many")
    left.set_xlabel("confidence")
    left.set_ylabel("share right")
    left.legend()
    right.plot(100 * points["coverage"], 100 * points["risk"], color=INK)
    for allowed in accepted["allowed"]:
        right.axhline(100 * allowed, color=GREY, linestyle=":", linewidth=1)
    label = "at the validation writers' thresholds"
    right.plot(100 * accepted["accepted"], 100 * accepted["wrong"], color=ACCENT, marker="o", linestyle="", label=label)
    right.set_xlabel("words accepted unread, %")
    right.set_ylabel("of these wrong, %")
    right.set_xlim(0, 100)
    right.set_ylim(0, None)
    right.legend(loc="upper left")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    _save(figure, target)


def _lines(axes: Axes, table: pd.DataFrame, colours: dict[str, str], label: str) -> None:
    for name, colour in colours.items():
        if name in table and table[name].notna().any():
            known = table[table[name].notna()]
            axes.plot(known["epoch"], known[name], color=colour, marker=".", label=name.replace("_", " "))
    axes.set_xlabel("epoch")
    axes.set_ylabel(label)
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend()


def _save(figure: Figure, target: Path) -> None:
    with write_whole(target) as temporary:
        figure.savefig(temporary, format="png", dpi=120)

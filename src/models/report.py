"""What an evaluation writes: tables, plots, the page of errors; and the figures among them that are tracked."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import classification_report, confusion_matrix

from src.data.samples import PackedSamples
from src.models.confidence import acceptance, calibration_error, reliability, risk_coverage, word_table
from src.models.metrics import LENGTH_NAMES, RATES, bootstrap_interval, group_rates, overall
from src.models.plots import plot_confidence, plot_confusion, plot_lengths, plot_writers
from src.models.worst_errors import worst_errors_page
from src.params import EvaluateParams
from src.recognition.calibration import Calibration

Metrics = dict[str, float]


def report_classifier(
    probabilities: NDArray[np.float32], truth: NDArray[np.int64], labels: Sequence[str], folder: Path
) -> Metrics:
    """Write classification_report.csv and .txt, confusion_matrix.csv and its plot.

    Args:
        probabilities: float32 [N, classes].
        truth: int64 [N], the right classes; N is at least 1.
        labels: The words, in the order of the classes.
        folder: Where to write.

    Returns:
        Samples, accuracy, and mean F1 over the words that occur (macro) and over the samples (weighted).
    """
    predicted = probabilities.argmax(axis=1)
    classes = list(range(len(labels)))
    options = {"labels": classes, "target_names": list(labels), "zero_division": 0.0}
    (folder / "classification_report.txt").write_text(
        classification_report(truth, predicted, digits=3, **options), encoding="utf-8"
    )
    table = pd.DataFrame(classification_report(truth, predicted, output_dict=True, **options)).T
    table.to_csv(folder / "classification_report.csv", index_label="word")
    matrix = confusion_matrix(truth, predicted, labels=classes)
    counts = pd.DataFrame(matrix, index=list(labels), columns=list(labels))
    counts.to_csv(folder / "confusion_matrix.csv", index_label="word")
    plot_confusion(matrix, labels, folder / "plots" / "confusion_matrix.png")
    # A word without a test sample has no score: it is left out of the mean instead of counting as 0.
    words = table.iloc[: len(labels)]
    present = words[words["support"] > 0]
    return {
        "classifier_samples": len(truth),
        "classifier_words": len(labels),
        "classifier_accuracy": float((predicted == truth).mean()),
        "classifier_macro_f1": float(present["f1-score"].mean()),
        "classifier_weighted_f1": float(np.average(present["f1-score"], weights=present["support"])),
    }


def report_recognizer(readings: pd.DataFrame, samples: PackedSamples, params: EvaluateParams, folder: Path) -> Metrics:
    """Write readings.csv, per_writer.csv, per_length.csv, per_group.csv, worst_errors.html and the plots.

    Args:
        readings: What `read_samples` returns, at least one row.
        samples: The images.
        params: The bootstrap and the size of the page.
        folder: Where to write.

    Returns:
        CER, WER and share of exact readings over all samples and for each level, with the interval over writers.
    """
    readings.drop(columns="word_confidences").to_csv(folder / "readings.csv", index=False)
    per_writer = group_rates(readings, "writer").sort_values("cer", ascending=False, kind="stable")
    per_writer.to_csv(folder / "per_writer.csv", index=False)
    per_length = group_rates(readings.assign(length=pd.Categorical(readings["length"], LENGTH_NAMES)), "length")
    per_length.to_csv(folder / "per_length.csv", index=False)
    group_rates(readings, ["level", "source"]).to_csv(folder / "per_group.csv", index=False)
    metrics = _rates_with_intervals("recognizer", readings, params)
    for level, rows in readings.groupby("level", sort=True):
        metrics |= _rates_with_intervals(f"recognizer_{level}", rows, params)
    plot_writers(per_writer, metrics["recognizer_cer"], folder / "plots" / "cer_per_writer.png")
    plot_lengths(per_length, folder / "plots" / "cer_per_length.png")
    page = worst_errors_page(readings, samples, params.worst_errors)
    (folder / "worst_errors.html").write_text(page, encoding="utf-8")
    return metrics


def report_language(readings: pd.DataFrame, params: EvaluateParams, folder: Path) -> Metrics:
    """Write per_group_language.csv: what is read when the language model has a say.

    Args:
        readings: What `read_samples` returns with a language model, at least one row.
        params: The bootstrap.
        folder: Where to write.

    Returns:
        CER, WER and share of exact readings over all samples and for each level, with the interval over writers.
    """
    group_rates(readings, ["level", "source"]).to_csv(folder / "per_group_language.csv", index=False)
    metrics = _rates_with_intervals("recognizer_language", readings, params)
    for level, rows in readings.groupby("level", sort=True):
        metrics |= _rates_with_intervals(f"recognizer_language_{level}", rows, params)
    return metrics


def report_confidence(
    readings: pd.DataFrame, calibration: Calibration | None, folder: Path
) -> tuple[Metrics, pd.DataFrame | None]:
    """Write confidence.csv (what may be accepted unread), reliability.csv and their plot.

    Args:
        readings: What `read_samples` returns.
        calibration: The model's, for its thresholds.
        folder: Where to write.

    Returns:
        The calibration errors of words and texts and the shares accepted; and the table of `acceptance`, None where no
        word was read.
    """
    words = word_table(readings)
    if words.empty:
        return {}, None
    confidence, right = words["confidence"].to_numpy(), words["right"].to_numpy()
    accepted = acceptance(words, calibration.accept if calibration else {})
    accepted.to_csv(folder / "confidence.csv", index=False)
    bins = reliability(confidence, right)
    bins.to_csv(folder / "reliability.csv", index=False)
    found = risk_coverage(confidence, right)
    points = pd.DataFrame({"coverage": found.coverage, "risk": found.risk})
    plot_confidence(bins, points, accepted, folder / "plots" / "confidence.png")
    exact = readings["exact"].to_numpy(dtype=bool)
    metrics = {
        "recognizer_word_calibration_error": calibration_error(confidence, right),
        "recognizer_text_calibration_error": calibration_error(readings["confidence"].to_numpy(), exact),
    }
    for row in accepted.to_dict("records"):
        for name in ("accepted", "wrong", "best"):
            metrics[f"recognizer_{name}_at_{100 * row['allowed']:.0f}_percent"] = float(row[name])
    return {name: value for name, value in metrics.items() if np.isfinite(value)}, accepted


def _rates_with_intervals(name: str, readings: pd.DataFrame, params: EvaluateParams) -> Metrics:
    """Flat figures `<name>_cer`, `<name>_cer_low`, ... A rate without a value (no words at all) is left out."""
    writers = readings["writer"].tolist()
    interval = bootstrap_interval(readings, writers, params.bootstrap_rounds, params.confidence_level, params.seed)
    found: Metrics = {f"{name}_samples": len(readings), f"{name}_writers": len(set(writers))}
    figures = overall(readings)
    for rate in RATES:
        found[f"{name}_{rate}"] = figures[rate]
        if rate in interval:
            found[f"{name}_{rate}_low"], found[f"{name}_{rate}_high"] = interval[rate]
    return {key: value for key, value in found.items() if np.isfinite(value)}


def results_markdown(
    part: str,
    metrics: Metrics,
    groups: pd.DataFrame | None,
    accepted: pd.DataFrame | None,
    comparison: pd.DataFrame | None,
    remarks: Sequence[str],
) -> str:
    """The short report for people.

    Args:
        part: The part of the split that was evaluated.
        metrics: All figures.
        groups: Rows of per_group.csv; None without a recognizer.
        accepted: What `acceptance` returns; None without a recognizer.
        comparison: What `compare_models` returns; None where not both models were measured.
        remarks: What is missing, and why.

    Returns:
        Markdown.
    """
    lines = [f"# Results on the {part} writers", ""]
    if groups is not None:
        lines += ["| recognizer | samples | CER | WER | whole text right |", "|---|---:|---:|---:|---:|"]
        names = {"": "all", "_line": "lines", "_word": "words"}
        names |= {f"_language{kind}": f"{name}, with the language model" for kind, name in names.items()}
        for kind, name in names.items():
            if f"recognizer{kind}_samples" in metrics:
                cells = " | ".join(_with_interval(metrics, f"recognizer{kind}_{rate}") for rate in RATES)
                lines.append(f"| {name} | {metrics[f'recognizer{kind}_samples']:.0f} | {cells} |")
        if groups["source"].nunique() > 1:
            for row in groups.to_dict("records"):
                cells = " | ".join(percent(row[rate]) for rate in RATES)
                lines.append(f"| {row['source']}, {row['level']}s | {row['samples']} | {cells} |")
        lines.append("")
    if accepted is not None:
        lines += [
            "| words accepted unread: wrong at most | threshold | accepted | of these wrong | accepted at best |",
            "|---:|---:|---:|---:|---:|",
        ]
        for row in accepted.to_dict("records"):
            cells = " | ".join(percent(row[name]) for name in ("accepted", "wrong", "best"))
            threshold = f"{row['threshold']:.4f}" if np.isfinite(row["threshold"]) else "-"
            lines.append(f"| {percent(row['allowed'])} | {threshold} | {cells} |")
        error = percent(metrics["recognizer_word_calibration_error"])
        lines += ["", f"Thresholds are those of the validation writers. Calibration error of words: {error}.", ""]
    if "classifier_accuracy" in metrics:
        lines += [
            f"Word classifier: {metrics['classifier_words']:.0f} words, {metrics['classifier_samples']:.0f} samples, "
            f"accuracy {percent(metrics['classifier_accuracy'])}, macro F1 {percent(metrics['classifier_macro_f1'])}.",
            "",
        ]
    if comparison is not None:
        lines += ["| on the same words | samples | right | CER |", "|---|---:|---:|---:|"]
        for row in comparison.to_dict("records"):
            right = percent(row["accuracy"]) + _interval(row["accuracy_low"], row["accuracy_high"])
            lines.append(f"| {row['model']} | {row['samples']} | {right} | {percent(row['cer'])} |")
        lines.append("")
    lines += [f"- {remark}" for remark in remarks]
    if any(key.endswith("_low") for key in metrics):
        lines += ["", "In brackets: where the figure would lie with other writers (bootstrap)."]
    return "\n".join(lines).rstrip() + "\n"


def percent(share: float) -> str:
    """A share as "12.3 %"; "-" where there is none."""
    return f"{100 * share:.1f} %" if np.isfinite(share) else "-"


def _with_interval(metrics: Metrics, name: str) -> str:
    missing = float("nan")
    interval = _interval(metrics.get(f"{name}_low", missing), metrics.get(f"{name}_high", missing))
    return percent(metrics.get(name, missing)) + interval


def _interval(low: float, high: float) -> str:
    return f" ({100 * low:.1f}..{100 * high:.1f})" if np.isfinite(low) and np.isfinite(high) else ""

"""Both models on the same test words: does the recognizer beat the word classifier where the classifier is at home?"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.models.metrics import bootstrap_interval, overall, score_readings
from src.params import EvaluateParams

CLASSIFIER = "word classifier"
RESTRICTED = "recognizer, the classifier's words only"
UNRESTRICTED = "recognizer, any text"


def predicted_words(probabilities: NDArray[np.float32], labels: Sequence[str]) -> list[str]:
    """The classifier's most probable word for each image.

    Args:
        probabilities: float32 [N, classes].
        labels: The words, in the order of the classes.

    Returns:
        N words.
    """
    return [labels[index] for index in probabilities.argmax(axis=1).tolist()]


def compare_models(
    words: Sequence[str], writers: Sequence[str], readings: Mapping[str, Sequence[str]], params: EvaluateParams
) -> pd.DataFrame:
    """Score several readings of the same words.

    Args:
        words: N words, as they are.
        writers: N writers.
        readings: A model's name -> its N readings.
        params: The bootstrap.

    Returns:
        One row a model: model, samples, right, accuracy, accuracy_low, accuracy_high (bootstrap over writers; NaN with
        one writer), cer.
    """
    rows = []
    for model, read in readings.items():
        scores = score_readings(words, read)
        interval = bootstrap_interval(scores, writers, params.bootstrap_rounds, params.confidence_level, params.seed)
        low, high = interval.get("exact_rate", (np.nan, np.nan))
        figures = overall(scores)
        rows.append(
            {
                "model": model,
                "samples": len(scores),
                "right": int(scores["exact"].sum()),
                "accuracy": figures["exact_rate"],
                "accuracy_low": low,
                "accuracy_high": high,
                "cer": figures["cer"],
            }
        )
    return pd.DataFrame(rows)

"""What the training images looked like, for the model file: the service compares with it what it is shown."""

import logging
from collections.abc import Collection

import numpy as np

from src.data.samples import PackedSamples
from src.models.dataset import Part
from src.recognition.reference import Reference

logger = logging.getLogger(__name__)


def training_reference(train: Part, samples: PackedSamples, train_only: Collection[str]) -> Reference | None:
    """Describe the images and texts of the training part.

    Args:
        train: The training part.
        samples: The packed images, with what they looked like.
        train_only: Collections that are learnt from and never measured, such as drawn ones: people do not send what
            looks like these. They are left out, unless there is nothing else.

    Returns:
        The reference; None if it was not noted what the images looked like.
    """
    table = samples.appearance()
    if table is None:
        logger.warning("%s: not noted what the images looked like; the service will not measure drift", samples.folder)
        return None
    chosen = np.array([source not in train_only for source in train.sources])
    if not chosen.any():
        chosen[:] = True
    columns = {name: values.to_numpy(np.float64)[train.rows[chosen]] for name, values in table.items()}
    lengths = np.array([len(text) for text in train.texts], np.float64)
    return Reference.of({str(name): values for name, values in columns.items()} | {"length": lengths[chosen]})

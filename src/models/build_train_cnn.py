"""Stage: build and train the word classifier, keep its best epoch, export it to ONNX."""

import logging
import time
import warnings
from pathlib import Path
from typing import Literal

import torch
from lightning.pytorch import Trainer, seed_everything

from src.files import write_whole_folder
from src.models.classifier_data import ClassifierData, TooFewWordsError, batches, read_training_data
from src.models.classifier_file import MODEL_NAME, ClassifierInfo, export_classifier, write_status
from src.models.plots import plot_history
from src.models.setup_callbacks import setup_callbacks
from src.models.word_classifier import ClassifierTraining, WordClassifier
from src.params import ClassifierParams, load_params
from src.paths import Paths
from src.stage import run

logger = logging.getLogger(__name__)


def build_train_cnn(params: ClassifierParams, paths: Paths) -> ClassifierInfo:
    """Train the word classifier; write best.ckpt, history.csv, curves.png, word_classifier.onnx and status.json.

    Args:
        params: The network and its training.
        paths: Where the samples lie and where the folder goes; it replaces the one of an earlier training.

    Returns:
        What the exported file says of itself.

    Raises:
        TooFewWordsError: Fewer than two words are frequent enough; the text names the settings to change.
        MissingArtefactError: A data stage has not run.
        GroundTruthError: The arrays do not belong together.
    """
    data = read_training_data(paths)
    logger.info(
        "word classifier: %d words, %d training and %d validation samples",
        len(data.labels),
        len(data.train),
        len(data.validation),
    )
    with write_whole_folder(paths.classifier) as folder:
        info = _train(data, params, folder)
        write_status(folder)
    logger.info("best epoch %s of %s: %s", info.training["best_epoch"], info.training["epochs"], info.metrics)
    return info


def training_precision() -> Literal["bf16-mixed", "32-true"]:
    """bf16 where the processor (or the GPU) multiplies it faster than float32, else float32."""
    if torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "32-true"
    return "bf16-mixed" if torch.cpu._is_amx_tile_supported() else "32-true"


def _train(data: ClassifierData, params: ClassifierParams, folder: Path) -> ClassifierInfo:
    """Train into `folder`, export the best epoch."""
    started = time.monotonic()
    seed_everything(params.seed, workers=True, verbose=False)
    height, width = data.train.images.shape[1:3]
    network = WordClassifier(len(data.labels), height, width, params.channels, params.dropout)
    training = ClassifierTraining(network, params, data.class_weights)
    early_stopping, checkpoint, history = setup_callbacks(params, folder)
    trainer = Trainer(
        max_epochs=params.epochs,
        precision=training_precision(),
        callbacks=[early_stopping, checkpoint, history],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    with warnings.catch_warnings():
        # Batches are cut from an array in memory: worker processes would only cost.
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        trainer.fit(
            training,
            batches(data.train, params.batch_size, params.seed),
            batches(data.validation, 4 * params.batch_size),
        )
    best = torch.load(checkpoint.best_model_path, map_location="cpu", weights_only=True)
    training.load_state_dict(best["state_dict"])
    best_epoch = int(best["epoch"]) + 1
    row = history.rows[best_epoch - 1]
    plot_history(history.path, folder / "curves.png", "Word classifier")
    return export_classifier(
        training.network.cpu(),
        data.labels,
        folder / MODEL_NAME,
        training={
            "samples": len(data.train),
            "epochs": len(history.rows),
            "best_epoch": best_epoch,
            "seed": params.seed,
            "seconds": round(time.monotonic() - started, 1),
        },
        metrics={name: row[name] for name in ("validation_loss", "validation_accuracy")},
    )


def main() -> None:
    """Train as params.yaml says; a data set without enough frequent words has no word classifier, which is said."""
    paths = Paths()
    try:
        build_train_cnn(load_params(paths.params).classifier, paths)
    except TooFewWordsError as error:
        logger.warning("no word classifier: %s", error)
        with write_whole_folder(paths.classifier) as folder:
            write_status(folder, skipped=str(error))


if __name__ == "__main__":
    run(main)

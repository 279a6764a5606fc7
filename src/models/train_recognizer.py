"""Train the recognizer on the packed samples, and write it as one ONNX file."""

import hashlib
import logging
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import lightning as pl
import pandas as pd
import torch
from lightning.pytorch.callbacks import Callback, TQDMProgressBar
from torch.utils.data import DataLoader

from src.data.samples import SPLICED_TABLE, PackedSamples
from src.errors import MissingArtefactError
from src.files import write_whole
from src.models.batches import BucketSampler
from src.models.calibrate import calibrate
from src.models.dataset import Part, RecognizerDataset, collate, load_part, space_of, training_batches
from src.models.export import export_recognizer
from src.models.network import STRIDE
from src.models.plots import plot_history
from src.models.precision import trainer_precision
from src.models.recognizer_system import RecognizerSystem
from src.models.spliced import with_spliced
from src.models.start import origin_of, save_start, start_from
from src.models.training_reference import training_reference
from src.params import Params, RecognizerParams, load_params
from src.paths import Paths, start_beside
from src.recognition.calibration import Calibration
from src.recognition.charset import Charset
from src.recognition.model_file import ModelInfo, read_info, version_name
from src.recognition.normalize import NormalizationSettings
from src.recognition.reference import Reference
from src.stage import run

logger = logging.getLogger(__name__)


class SavePeriodically(Callback):
    """Write `last.ckpt` every few minutes, whole or not at all, so that a kill costs minutes.

    Args:
        folder: Where.
        minutes: How often.
    """

    def __init__(self, folder: Path, minutes: float) -> None:
        self.folder, self.seconds, self._saved = folder, 60 * minutes, 0.0

    def save(self, trainer: pl.Trainer) -> None:
        """Write the checkpoint now."""
        with write_whole(self.folder / "last.ckpt") as temporary:
            trainer.save_checkpoint(temporary)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write when it is time."""
        system = pl_module
        assert isinstance(system, RecognizerSystem)
        if system.seconds - self._saved >= self.seconds:
            self.save(trainer)
            self._saved = system.seconds


def data_version(paths: Paths) -> str:
    """Return 12 hexadecimal digits of the SHA-256 of the tables of samples, their widths and the training list."""
    digest = hashlib.sha256()
    tables = (paths.encoded, paths.samples / "index.parquet", paths.split / "train.txt", paths.spliced / SPLICED_TABLE)
    for file in tables:
        digest.update(file.read_bytes() if file.exists() else b"")
    return digest.hexdigest()[:12]


def _use_one_thread(_: int) -> None:
    """Leave the other cores to the network: batches cost a few per cent of a step, with or without OpenCV's threads."""
    cv2.setNumThreads(0)


def _loaders(
    samples: PackedSamples,
    train: Part,
    spliced: Path,
    validation: Part,
    params: Params,
    charset: Charset,
    first_step: int,
) -> tuple[DataLoader[Any], DataLoader[Any], BucketSampler]:
    settings = params.recognizer
    learnt, images = with_spliced(train, samples, spliced)
    sampler = training_batches(learnt, params, charset, first_step)
    # One process prepares batches while the network learns: distortion takes about a hundredth of the step's time.
    learn = DataLoader(
        RecognizerDataset(
            learnt, images, settings.augment, settings.seed, params.features.max_width, space_of(charset)
        ),
        batch_sampler=sampler,
        collate_fn=collate,
        num_workers=1,
        prefetch_factor=8,
        worker_init_fn=_use_one_thread,
    )
    chosen = validation.choose(settings.validation_samples, settings.seed)
    check = DataLoader(
        RecognizerDataset(chosen, samples, distort=False),
        batch_sampler=BucketSampler(chosen.widths, settings.columns_per_batch, 1),
        collate_fn=collate,
    )
    return learn, check, sampler


def _resumable(checkpoint: Path, params: RecognizerParams, charset: Charset, version: str) -> dict[str, Any] | None:
    """Return the checkpoint of a killed run, unless it is of other data or settings."""
    if not checkpoint.exists():
        return None
    kept: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
    described = kept["longhand"] | {"data_version": kept["hyper_parameters"]["data_version"]}
    same = (
        described["characters"] == list(charset.characters)
        and described["params"] == params.model_dump(mode="json")
        and described["data_version"] == version
    )
    if not same:
        logger.warning("%s is of other data or settings: training starts anew", checkpoint)
        return None
    return kept


def train_recognizer(paths: Paths, params: Params) -> Path:
    """Train, or go on with a killed training, and write the model file.

    Args:
        paths: Where the samples lie and the model goes.
        params: All settings (the model file records them).

    Returns:
        The ONNX file.

    Raises:
        MissingArtefactError: A stage before this one has not run.
        GroundTruthError: A part of the split holds nothing to learn from.
    """
    inputs = {"encode_data": paths.charset, "split_data": paths.split, "prepare_features": paths.samples}
    for stage, needed in inputs.items():
        if not needed.exists():
            raise MissingArtefactError(f"{needed}: not found; run `python src/data/{stage}.py` first")
    settings = params.recognizer
    charset = Charset.from_json(paths.charset.read_text(encoding="utf-8"))
    samples = PackedSamples(paths.samples)
    train, validation = (load_part(name, paths.encoded, paths.split, samples) for name in ("train", "validation"))
    version = data_version(paths)
    checkpoints = paths.recognizer / "checkpoints"
    last = checkpoints / "last.ckpt"
    kept = _resumable(last, settings, charset, version)
    first_step = int(kept["global_step"]) if kept else 0

    pl.seed_everything(settings.seed + first_step, workers=True, verbose=False)
    learn, check, sampler = _loaders(samples, train, paths.spliced, validation, params, charset, first_step)
    system = RecognizerSystem(settings, charset, samples.height, sampler.steps_per_epoch)
    start = str(kept["hyper_parameters"]["start"]) if kept else _start(system, charset, paths)
    sampler.short_first = start == "chance"
    system.save_hyperparameters({"data_version": version, "start": start})
    logger.info("%d training samples, %d steps, from step %d", len(train), len(sampler), first_step)
    saver = SavePeriodically(checkpoints, settings.checkpoint_minutes)
    trainer = pl.Trainer(
        accelerator="auto",
        devices=1,
        precision=trainer_precision(),
        max_epochs=1,  # one Lightning epoch is the whole schedule: a step has one place in it, also after a kill
        val_check_interval=sampler.steps_per_epoch,
        callbacks=[saver, TQDMProgressBar(refresh_rate=10)],
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )
    with warnings.catch_warnings():
        # The sampler leaves out the steps that are done, so the loader is resumable although Lightning cannot know it.
        warnings.filterwarnings("ignore", message=".*dataloader is not resumable.*")
        trainer.fit(system, learn, check, ckpt_path=last if kept else None, weights_only=True)
    if trainer.interrupted:
        raise InterruptedError(f"training was interrupted; start it again to go on from {last}")
    if not system.history or system.history[-1]["step"] < system.global_step:
        trainer.validate(system, check, verbose=False)
    calibration = calibrate(system.network, validation, samples, charset, settings.columns_per_batch)
    reference = training_reference(train, samples, params.split.train_only)
    _write_results(paths, params, system, charset, version, len(train), calibration, reference)
    last.unlink(missing_ok=True)  # it would be taken for a killed training's
    return paths.recognizer_model


def _start(system: RecognizerSystem, charset: Charset, paths: Paths) -> str:
    """Give the network its first weights; say which: the version of the recognizer that they are of, or "chance"."""
    if system.params.start == "released" and paths.start_weights.exists():
        held_out = origin_of(paths, ("validation", "test"))
        if start_from(system.network, charset, held_out, paths.start_weights):
            return read_info(paths.start_model).version
    return "chance"


def _write_results(
    paths: Paths,
    params: Params,
    system: RecognizerSystem,
    charset: Charset,
    version: str,
    training_samples: int,
    calibration: Calibration,
    reference: Reference | None,
) -> None:
    """Write curves, weights and the model file; record all in MLflow."""
    history = pd.DataFrame(system.history)
    with write_whole(paths.recognizer / "history.csv") as temporary:
        history.to_csv(temporary, index=False)
    plot_history(paths.recognizer / "history.csv", paths.recognizer / "curves.png", "Recognizer")
    earlier = paths.start_weights if system.hparams["start"] != "chance" else None
    learnt = origin_of(paths, ("train",))
    save_start(system.network.state_dict(), charset, learnt, start_beside(paths.recognizer_model), earlier)
    final = system.history[-1]
    metrics = {name: final[name] for name in ("validation_loss", "validation_cer", "validation_wer")}
    training = {
        "data_version": version,
        "start": system.hparams["start"],
        "samples": training_samples,
        "seconds": round(final["seconds"], 1),
        "epochs": final["epoch"],
        "params": params.recognizer.model_dump(mode="json"),
    }
    normalization = NormalizationSettings(params.features.height, params.features.max_width)
    created = datetime.now(UTC)
    info = ModelInfo(
        name="recognizer",
        version=version_name(created, version),
        created=created,
        charset=charset.characters,
        normalization=normalization,
        stride=STRIDE,
        training=training,
        metrics=metrics,
        calibration=calibration,
        reference=reference,
    )
    export_recognizer(system.network, info, paths.recognizer_model)


def main() -> None:
    """Train on the project's samples."""
    paths = Paths()
    train_recognizer(paths, load_params(paths.params))


if __name__ == "__main__":
    run(main)

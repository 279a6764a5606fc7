"""Stage: the callbacks of the word classifier's training (early stopping, best checkpoint, history, progress)."""

import csv
import logging
import time
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from tqdm.auto import tqdm

from src.files import write_whole
from src.params import ClassifierParams, load_params
from src.paths import Paths
from src.stage import run

logger = logging.getLogger(__name__)

MONITOR = "validation_loss"
HISTORY_COLUMNS = (
    "epoch",
    "step",
    "train_loss",
    "validation_loss",
    "validation_accuracy",
    "learning_rate",
    "seconds",
)


class History(Callback):
    """One row an epoch in a CSV file, and a progress bar over the epochs.

    Args:
        path: The CSV file; written whole after each epoch, so that a run that is stopped leaves a readable file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.rows: list[dict[str, float]] = []
        self._started = time.monotonic()
        self._bar: Any = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock and the bar."""
        self._started = time.monotonic()
        self._bar = tqdm(total=trainer.max_epochs, desc="word classifier", unit="epoch", leave=False)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the epoch's row. Validation has run by now: its figures are this epoch's."""
        measured = {name: float(value) for name, value in trainer.callback_metrics.items()}
        row = {
            "epoch": trainer.current_epoch + 1,
            "step": trainer.global_step,
            "learning_rate": float(trainer.optimizers[0].param_groups[0]["lr"]),
            "seconds": round(time.monotonic() - self._started, 3),
            **{name: round(measured[name], 6) for name in HISTORY_COLUMNS if name in measured},
        }
        self.rows.append(row)
        with write_whole(self.path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, HISTORY_COLUMNS)
            writer.writeheader()
            writer.writerows(self.rows)
        if self._bar is not None:
            self._bar.set_postfix(loss=f"{row[MONITOR]:.3f}", accuracy=f"{row['validation_accuracy']:.3f}")
            self._bar.update()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Close the bar, also after an error."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def setup_callbacks(params: ClassifierParams, folder: Path) -> tuple[EarlyStopping, ModelCheckpoint, History]:
    """The callbacks of the word classifier's training.

    Args:
        params: Its patience is the number of epochs without a lower validation loss after which training stops.
        folder: Where best.ckpt (the epoch with the lowest validation loss) and history.csv go.

    Returns:
        Early stopping, checkpoint of the best, history with progress bar.
    """
    return (
        EarlyStopping(monitor=MONITOR, mode="min", patience=params.patience),
        ModelCheckpoint(dirpath=folder, filename="best", monitor=MONITOR, mode="min", save_top_k=1),
        History(folder / "history.csv"),
    )


def main() -> None:
    """Check that params.yaml gives valid callbacks, and say what they do."""
    paths = Paths()
    params = load_params(paths.params).classifier
    for callback in setup_callbacks(params, paths.classifier):
        logger.info("%s: %s", type(callback).__name__, _describe(callback))


def _describe(callback: Callback) -> str:
    if isinstance(callback, EarlyStopping):
        return f"stops after {callback.patience} epochs without a lower {callback.monitor}"
    if isinstance(callback, ModelCheckpoint):
        return f"keeps the epoch with the lowest {callback.monitor} in {callback.dirpath}"
    return "one row an epoch in history.csv, and a progress bar"


if __name__ == "__main__":
    run(main)

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import pandas as pd
import torch
from lightning.pytorch import LightningModule, Trainer
from torch.utils.data import DataLoader

from src.models.setup_callbacks import HISTORY_COLUMNS, setup_callbacks
from src.params import ClassifierParams

ROOT = Path(__file__).parents[2]
LOSSES = [0.9, 0.5, 0.7, 0.6, 0.8, 0.1]  # best at the second epoch, then worse; the sixth must never be reached


class Scripted(LightningModule):
    """Its validation loss goes the way it is told."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def training_step(self, batch, _index):
        loss = (self.weight - 1.0).square().sum()
        self.log("train_loss", loss, on_epoch=True, on_step=False)
        return loss

    def validation_step(self, batch, _index):
        self.log("validation_loss", torch.tensor(LOSSES[self.current_epoch]))
        self.log("validation_accuracy", torch.tensor(0.5))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


class SetupCallbacksTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.early_stopping, self.checkpoint, self.history = setup_callbacks(ClassifierParams(patience=3), self.folder)

    def fit(self):
        data = DataLoader(torch.zeros(2, 1), batch_size=1)
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=len(LOSSES),
            callbacks=[self.early_stopping, self.checkpoint, self.history],
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        trainer.fit(Scripted(), data, data)
        return trainer

    def test_stops_when_the_loss_rests_for_the_patience(self):
        self.fit()
        self.assertEqual(len(self.history.rows), 5)

    def test_keeps_the_best_epoch_alone(self):
        self.fit()
        self.assertEqual([path.name for path in self.folder.glob("*.ckpt")], ["best.ckpt"])
        kept = torch.load(self.folder / "best.ckpt", weights_only=True)
        self.assertEqual(kept["epoch"], 1)

    def test_history_has_one_row_an_epoch(self):
        self.fit()
        table = pd.read_csv(self.folder / "history.csv")
        self.assertEqual(tuple(table.columns), HISTORY_COLUMNS)
        self.assertEqual(table["epoch"].tolist(), [1, 2, 3, 4, 5])
        self.assertEqual(table["validation_loss"].round(3).tolist(), LOSSES[:5])
        self.assertFalse(table.isna().any().any())

    def test_runs_as_a_command(self):
        (self.folder / "params.yaml").write_text("classifier: {patience: 7}\n", encoding="utf-8")
        script = ROOT / "src" / "models" / "setup_callbacks.py"
        done = subprocess.run([sys.executable, script], cwd=self.folder, capture_output=True, text=True, check=True)
        self.assertIn("stops after 7 epochs", done.stderr)


if __name__ == "__main__":
    unittest.main()

"""How the recognizer learns: loss, schedule, optimiser and validation, as a Lightning module."""

import math
import time
from typing import Any

import lightning as pl
import torch
from rapidfuzz.distance import Levenshtein
from torch import Tensor
from torch.nn import functional

from src.models.dataset import Batch
from src.models.network import STRIDE, RecognizerNetwork
from src.models.precision import convolution_format, training_device
from src.params import RecognizerParams
from src.recognition.charset import Charset


def mean_ctc_loss(batch: Batch, log_probs: Tensor) -> Tensor:
    """Return the mean CTC loss a character (Graves et al., 2006) of log-probabilities [N, T, classes]."""
    frames = torch.div(batch.widths, STRIDE, rounding_mode="floor").clamp(min=1)
    loss = functional.ctc_loss(
        log_probs.transpose(0, 1), batch.codes, frames, batch.lengths, reduction="none", zero_infinity=True
    )
    return (loss / batch.lengths).mean()


class RecognizerSystem(pl.LightningModule):
    """The recognizer under training.

    Args:
        params: The network's and the training's settings.
        charset: The characters to learn.
        height: Rows of the images.
        steps_per_epoch: Batches in which every sample comes once.
    """

    def __init__(self, params: RecognizerParams, charset: Charset, height: int, steps_per_epoch: int) -> None:
        super().__init__()
        self.params, self.charset, self.steps_per_epoch = params, charset, steps_per_epoch
        self.total_steps = params.epochs * steps_per_epoch
        self.network = RecognizerNetwork(
            charset.size,
            height,
            params.channels,
            params.blocks,
            params.head,
            params.head_layers,
            params.head_units,
            params.dropout,
        ).to(memory_format=convolution_format(training_device()))  # type: ignore[call-overload]
        self.seconds_before = 0.0  # of training in the runs that were killed
        self._started = time.monotonic()
        self._counts: dict[str, list[int]] = {}
        self._losses: list[float] = []
        self._validation_losses: list[float] = []
        self.history: list[dict[str, float]] = []

    # -- schedule -----------------------------------------------------------------------------------------
    @property
    def seconds(self) -> float:
        """Seconds of training so far, in this run and the killed ones before it."""
        return self.seconds_before + time.monotonic() - self._started

    @property
    def progress(self) -> float:
        """Share of the schedule that is done, by steps or, if that is more, by `max_minutes`."""
        by_steps = self.global_step / self.total_steps
        by_time = self.seconds / (60 * self.params.max_minutes) if self.params.max_minutes else 0.0
        return min(1.0, max(by_steps, by_time))

    def learning_rate(self) -> float:
        """Linear warm-up, then a cosine to zero."""
        done, warmup = self.progress, self.params.warmup
        if done < warmup:
            return self.params.learning_rate * max(done / warmup, 1.0 / self.total_steps)
        return self.params.learning_rate * 0.5 * (1.0 + math.cos(math.pi * (done - warmup) / max(1e-9, 1.0 - warmup)))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW; norms and biases are not decayed, since they scale nothing down."""
        decayed = [weight for weight in self.network.parameters() if weight.ndim > 1]
        others = [weight for weight in self.network.parameters() if weight.ndim <= 1]
        groups = [
            {"params": decayed, "weight_decay": self.params.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=self.params.learning_rate, betas=(0.9, 0.98), fused=True)

    # -- training -----------------------------------------------------------------------------------------
    def loss(self, batch: Batch, log_probs: Tensor) -> Tensor:
        """Return the loss of log-probabilities [N, T, classes]."""
        return mean_ctc_loss(batch, log_probs)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Set the learning rate for this step; end the training when the schedule is done."""
        if self.progress >= 1.0:
            self.trainer.should_stop = True
        rate = self.learning_rate()
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = rate

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Learn from a batch."""
        log_probs, shortcut = self.network.with_shortcut(batch.images)
        loss = self.loss(batch, log_probs)
        self._losses.append(float(loss.detach()))
        self.log("loss", loss.detach(), prog_bar=True, logger=False)
        return loss + self.params.shortcut_weight * self.loss(batch, shortcut)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Clip the gradient. Lightning refuses to, for fused optimisers; in bf16 no scaling stands in the way."""
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.params.gradient_clip)

    # -- validation ---------------------------------------------------------------------------------------
    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Read a batch greedily and count the errors."""
        log_probs = self.network(batch.images)
        self._validation_losses.append(float(self.loss(batch, log_probs)))
        best = log_probs.argmax(-1).cpu()
        start = 0
        for codes, width, length in zip(best, batch.widths.tolist(), batch.lengths.tolist(), strict=True):
            collapsed = torch.unique_consecutive(codes[: max(1, width // STRIDE)])
            read = self.charset.decode(collapsed[collapsed > 0].tolist())
            truth = self.charset.decode(batch.codes[start : start + length].tolist())
            start += length
            words = truth.split()
            counts = (
                Levenshtein.distance(read, truth), length, Levenshtein.distance(read.split(), words), len(words)
            )  # fmt: skip
            # Lines are told apart: words are many, and would hide how lines are read.
            for kind in ("", "_lines") if len(words) > 1 else ("",):
                for place, count in enumerate(counts):
                    self._counts.setdefault(kind, [0, 0, 0, 0])[place] += count

    def _rates(self) -> dict[str, float]:
        """CER and WER of what was read since the last call's reset, of all samples and of those of several words."""
        rates = {}
        for kind, (edits, characters, word_edits, words) in sorted(self._counts.items()):
            rates[f"validation{kind}_cer"] = edits / max(1, characters)
            rates[f"validation{kind}_wer"] = word_edits / max(1, words)
        return rates

    def on_validation_epoch_end(self) -> None:
        """Write a line of history."""
        if self.trainer.sanity_checking:
            return
        line = {
            "epoch": round(self.global_step / self.steps_per_epoch, 2),
            "step": float(self.global_step),
            "train_loss": sum(self._losses) / max(1, len(self._losses)),
            "validation_loss": sum(self._validation_losses) / max(1, len(self._validation_losses)),
            **self._rates(),
            "learning_rate": self.learning_rate(),
            "seconds": self.seconds,
        }
        self.history.append(line)
        self.log("validation_cer", line["validation_cer"], prog_bar=True, logger=False)
        self._losses, self._validation_losses = [], []
        self._counts = {}

    # -- what a checkpoint must hold beside the weights ---------------------------------------------------
    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the clock, the curves and what the weights depend on."""
        checkpoint["longhand"] = {
            "seconds": self.seconds,
            "history": self.history,
            "characters": list(self.charset.characters),
            "params": self.params.model_dump(mode="json"),
            "losses": self._losses,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up the clock and the curves."""
        kept = checkpoint["longhand"]
        self.seconds_before, self.history, self._losses = kept["seconds"], kept["history"], kept["losses"]
        self._started = time.monotonic()

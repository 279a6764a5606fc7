"""The word classifier: a small CNN over the frequent words, and how it learns."""

from collections.abc import Sequence

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.nn import functional

from src.params import ClassifierParams

MAX_SCALE = 0.1  # share by which a word is stretched or squeezed, each axis on its own
MAX_SHIFT = 0.08  # share of half the image
MAX_SLANT = 0.35  # horizontal shift of the top line, in half heights


class WordClassifier(nn.Module):
    """Convolutions over the image, one vector a column, one linear layer over all columns.

    The columns are kept in order up to the last layer, for a word is its letters in their order. The first layer halves
    the image at once and is alone at its size: a second one there would take a quarter of the time.

    Args:
        classes: Number of words.
        height: Pixels of the image.
        width: Pixels of the image.
        channels: Channels of each block; the image is halved before each.
        dropout: Share of the features that are hidden from the last layer in training.
    """

    def __init__(self, classes: int, height: int, width: int, channels: Sequence[int], dropout: float) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        before = 1
        for index, after in enumerate(channels):
            if index == 0:
                blocks += _convolution(before, after, size=5, stride=2)
            else:
                blocks += [nn.MaxPool2d(2, ceil_mode=True), *_convolution(before, after), *_convolution(after, after)]
            before = after
        columns = width
        for _ in channels:
            columns = (columns + 1) // 2
        self.body = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(before * columns, classes)
        self.size = (height, width)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of a batch.

        Args:
            images: float32 [batch, 1, height, width], 0 = paper, 1 = darkest ink.

        Returns:
            float [batch, classes].
        """
        columns = self.body(images).mean(dim=2)
        logits: Tensor = self.head(self.dropout(columns.flatten(1)))
        return logits


def _convolution(before: int, after: int, size: int = 3, stride: int = 1) -> list[nn.Module]:
    return [
        nn.Conv2d(before, after, size, stride=stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    ]


def to_input(images: Tensor) -> Tensor:
    """Stored pixels as the network takes them.

    Args:
        images: uint8 [batch, height, width, 1], 0 = paper, 255 = darkest ink.

    Returns:
        float32 [batch, 1, height, width] in 0..1.
    """
    return images.permute(0, 3, 1, 2).float() / 255.0


def augment(images: Tensor) -> Tensor:
    """Shift, scale and slant each image of a batch on its own.

    Args:
        images: float32 [batch, 1, height, width], 0 = paper (what comes in from outside is paper too).

    Returns:
        float32 of the same shape.
    """
    count = images.shape[0]

    def spread(limit: float) -> Tensor:
        return torch.empty(count, device=images.device).uniform_(-limit, limit)

    transform = torch.zeros(count, 2, 3, device=images.device)
    transform[:, 0, 0] = 1.0 + spread(MAX_SCALE)
    transform[:, 0, 1] = spread(MAX_SLANT) * images.shape[2] / images.shape[3]
    transform[:, 0, 2] = spread(MAX_SHIFT)
    transform[:, 1, 1] = 1.0 + spread(MAX_SCALE)
    transform[:, 1, 2] = spread(MAX_SHIFT)
    grid = functional.affine_grid(transform, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


class ClassifierTraining(LightningModule):
    """Class-weighted cross entropy against one-hot targets; AdamW, slower when the validation loss rests.

    Args:
        network: The network to train.
        params: Learning rate, weight decay, patience.
        class_weights: float32 [classes], mean 1: rare words weigh more.
    """

    class_weights: Tensor

    def __init__(self, network: WordClassifier, params: ClassifierParams, class_weights: Tensor) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.params = params
        self.register_buffer("class_weights", class_weights)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Weighted cross entropy, mean over the batch.

        Args:
            logits: float [batch, classes].
            targets: float32 [batch, classes], one-hot.

        Returns:
            float32 scalar.
        """
        return functional.cross_entropy(logits.float(), targets, weight=self.class_weights)

    def training_step(self, batch: tuple[Tensor, Tensor], _index: int) -> Tensor:
        """One step on (uint8 images, one-hot targets)."""
        images, targets = batch
        with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
            inputs = augment(to_input(images))
        loss = self.loss(self.network(inputs), targets)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(images))
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], _index: int) -> None:
        """Loss and accuracy on (uint8 images, one-hot targets), not augmented."""
        images, targets = batch
        logits = self.network(to_input(images))
        right = (logits.argmax(dim=1) == targets.argmax(dim=1)).float().mean()
        self.log("validation_loss", self.loss(logits, targets), batch_size=len(images))
        self.log("validation_accuracy", right, batch_size=len(images))

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """AdamW; the rate falls to a third when the validation loss has not improved for a third of the patience."""
        optimizer = torch.optim.AdamW(
            self.parameters(), lr=self.params.learning_rate, weight_decay=self.params.weight_decay, fused=True
        )
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, factor=0.3, patience=max(1, self.params.patience // 3)
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "monitor": "validation_loss"},
        }

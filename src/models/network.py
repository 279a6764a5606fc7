"""The recognizer's network: convolutions over the image, a sequence head over its columns, CTC log-probabilities.

The manner (a convolutional encoder, then a bidirectional recurrent layer, then CTC) is that of Shi et al., "An
End-to-End Trainable Neural Network for Image-based Sequence Recognition" (2015), https://arxiv.org/abs/1507.05717; the
convolutional head follows Coquenet et al., "Recurrence-free unconstrained handwritten text recognition using gated
fully convolutional network" (2020), https://arxiv.org/abs/2012.04961, and the shortcut that helps the encoder to learn
Retsinas et al., "Best Practices for a Handwritten Text Recognition System" (2022), https://arxiv.org/abs/2404.11339.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

# Columns of the image that one frame of the output stands for.
STRIDE = 4


def _convolution(inputs: int, outputs: int, stride: int | tuple[int, int] = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut: [N, C, H, W] -> [N, C, H, W].

    A new block hands on what comes (He et al., "Bag of Tricks for Image Classification with Convolutional Neural
    Networks", 2018): so a trained network can be made deeper without forgetting anything.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _convolution(channels, channels)
        norm = nn.BatchNorm2d(channels)
        nn.init.zeros_(norm.weight)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), norm)

    def forward(self, features: Tensor) -> Tensor:
        """Add what the two convolutions find to the features."""
        return torch.relu(features + self.second(self.first(features)))


def _stage(inputs: int, outputs: int, stride: int | tuple[int, int], blocks: int) -> nn.Sequential:
    return nn.Sequential(_convolution(inputs, outputs, stride), *(ResidualBlock(outputs) for _ in range(blocks)))


class Encoder(nn.Module):
    """Image [N, 1, H, W] -> one feature vector a frame [N, C, 1, W / 4].

    Args:
        channels: Channels at 1/2, 1/4, 1/8 and 1/16 of the height.
        blocks: Residual blocks at 1/4, 1/8 and 1/16 of the height.
        height: Rows of the image, a multiple of 16.
    """

    def __init__(self, channels: tuple[int, int, int, int], blocks: tuple[int, int, int], height: int) -> None:
        super().__init__()
        first, second, third, fourth = channels
        # Full resolution is left at once: there, 32 channels cost more time than all the rest.
        self.stem = _convolution(1, first, 2)
        self.stages = nn.Sequential(
            _stage(first, second, 2, blocks[0]),
            _stage(second, third, (2, 1), blocks[1]),
            _stage(third, fourth, (2, 1), blocks[2]),
        )
        self.squeeze = nn.Sequential(
            nn.Conv2d(fourth, fourth, (height // 16, 1), bias=False), nn.BatchNorm2d(fourth), nn.ReLU(inplace=True)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Encode the images."""
        features: Tensor = self.squeeze(self.stages(self.stem(images)))
        return features


class GatedBlock(nn.Module):
    """A gated convolution along the frames with a shortcut: [N, C, 1, T] -> [N, C, 1, T]."""

    def __init__(self, channels: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, 2 * channels, (1, kernel), padding=(0, kernel // 2), bias=False)
        self.norm = nn.BatchNorm2d(2 * channels)
        self.mix = nn.Conv2d(channels, channels, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Tensor) -> Tensor:
        """Let a gate choose what the neighbouring frames add."""
        values, gates = self.norm(self.convolution(features)).chunk(2, dim=1)
        mixed: Tensor = self.mix(self.dropout(values * torch.sigmoid(gates)))
        return features + mixed


class ConvolutionalHead(nn.Module):
    """Gated convolutions that see about `kernel * layers` frames: [N, C, 1, T] -> [N, T, C]."""

    def __init__(self, channels: int, layers: int, dropout: float, kernel: int = 7) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(GatedBlock(channels, kernel, dropout) for _ in range(layers)))
        self.width = channels

    def forward(self, features: Tensor) -> Tensor:
        """Look along the line."""
        sequence: Tensor = self.blocks(features)
        return sequence.squeeze(2).transpose(1, 2)


class RecurrentHead(nn.Module):
    """A bidirectional LSTM over pairs of frames: [N, C, 1, T] -> [N, T, units].

    Its steps wait for each other, so that halving them nearly halves its time; a last layer parts each pair again, and
    CTC keeps a frame for every four columns.
    """

    def __init__(self, channels: int, units: int, layers: int, dropout: float) -> None:
        super().__init__()
        between = dropout if layers > 1 else 0.0
        self.lstm = nn.LSTM(2 * channels, units, layers, batch_first=True, bidirectional=True, dropout=between)
        self.part = nn.Linear(2 * units, 2 * units)
        self.width = units

    def forward(self, features: Tensor) -> Tensor:
        """Look along the line, from both ends."""
        count, channels, _, length = features.shape
        # An odd number of frames gets one of zeros. (Reshaped, not sliced by twos: OpenVINO 2026.4 then loses half.)
        even = functional.pad(features.squeeze(2), (0, length % 2))
        pairs = even.reshape(count, channels, -1, 2).permute(0, 2, 3, 1).reshape(count, -1, 2 * channels)
        sequence = self.part(self.lstm(pairs)[0])
        frames: Tensor = sequence.reshape(count, -1, self.width)[:, :length]
        return frames


class RecognizerNetwork(nn.Module):
    """Images of one height and any width -> CTC log-probabilities of the classes at each frame.

    Args:
        classes: Characters of the charset and the blank (class 0).
        height: Rows of the images, a multiple of 16.
        channels: See `Encoder`.
        blocks: See `Encoder`.
        head: "lstm" (learns more from the same samples) or "conv" (reads faster, the same in any batch).
        head_layers: Layers of the head.
        head_units: Features of each direction of the "lstm".
        dropout: Share of features that training leaves out, in the head and before the last layer.
    """

    def __init__(
        self,
        classes: int,
        height: int,
        channels: tuple[int, int, int, int],
        blocks: tuple[int, int, int] = (1, 1, 1),
        head: Literal["conv", "lstm"] = "lstm",
        head_layers: int = 2,
        head_units: int = 256,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if height % 16:
            raise ValueError(f"height must be a multiple of 16, got {height}")
        self.encoder = Encoder(channels, blocks, height)
        self.head: ConvolutionalHead | RecurrentHead = (
            ConvolutionalHead(channels[-1], head_layers, dropout)
            if head == "conv"
            else RecurrentHead(channels[-1], head_units, head_layers, dropout)
        )
        # Reads without the head, in training alone: the encoder learns before the head has learnt to use it.
        self.shortcut = nn.Conv2d(channels[-1], classes, (1, 3), padding=(0, 1))
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(self.head.width, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Read a batch.

        Args:
            images: uint8 [N, height, W]; 0 = paper, 255 = darkest ink; W a multiple of 4.

        Returns:
            float32 [N, W / 4, classes], log-probabilities.
        """
        return self._read(self._encode(images))

    def with_shortcut(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Read a batch in training: as `forward` does, and by the shortcut around the head; both of one shape."""
        features = self._encode(images)
        shortcut = self.shortcut(features).squeeze(2).transpose(1, 2)
        return self._read(features), torch.log_softmax(shortcut.float(), dim=-1)

    def _encode(self, images: Tensor) -> Tensor:
        # One channel lies both ways: the first convolution's weights say how all that follows does.
        features: Tensor = self.encoder(images.unsqueeze(1).to(torch.float32) / 255.0)
        return features

    def _read(self, features: Tensor) -> Tensor:
        logits: Tensor = self.classify(self.dropout(self.head(features)))
        return torch.log_softmax(logits.float(), dim=-1)

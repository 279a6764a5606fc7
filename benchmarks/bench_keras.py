"""The same network and batches as bench_training.py, trained in the manner of Keras' handwriting example.

    python benchmarks/bench_training.py --root FOLDER --batches batches.npz
    pip install tensorflow-cpu keras          # in an environment of its own
    python benchmarks/bench_keras.py batches.npz [--precision mixed_bfloat16]

float32, a compiled train step, Adam, `keras.ops.ctc_loss`, `channels_last`: https://keras.io/examples/vision/handwriting_recognition/.
"""

import argparse
import os
import time

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

CHANNELS, UNITS, WARM_UP = (32, 64, 96, 192), 256, 5


def convolution(features: keras.KerasTensor, outputs: int, stride: int | tuple[int, int] = 1) -> keras.KerasTensor:
    """Convolution, norm and ReLU, as in src/models/network.py."""
    features = layers.Conv2D(outputs, 3, stride, "same", use_bias=False)(features)
    return layers.ReLU()(layers.BatchNormalization()(features))


def residual(features: keras.KerasTensor) -> keras.KerasTensor:
    """Two convolutions around a shortcut."""
    channels = features.shape[-1]
    inner = layers.Conv2D(channels, 3, 1, "same", use_bias=False)(convolution(features, channels))
    return layers.ReLU()(features + layers.BatchNormalization()(inner))


def network(height: int, classes: int) -> keras.Model:
    """The recognizer's network, for images [N, height, W, 1] in 0..1."""
    first, second, third, fourth = CHANNELS
    images = keras.Input((height, None, 1))
    features = convolution(convolution(images, first, 2), second, 2)
    features = convolution(residual(features), third, (2, 1))
    features = convolution(residual(features), fourth, (2, 1))
    features = layers.Conv2D(fourth, (height // 16, 1), use_bias=False)(residual(features))
    features = layers.ReLU()(layers.BatchNormalization()(features))
    shortcut = layers.Conv2D(classes, (1, 3), padding="same")(features)
    frames = ops.squeeze(features, 1)
    pairs = layers.Reshape((-1, 2 * fourth))(frames)
    for _ in range(2):
        pairs = layers.Bidirectional(layers.LSTM(UNITS, return_sequences=True))(pairs)
    parted = layers.Reshape((-1, UNITS))(layers.Dense(2 * UNITS)(pairs))
    logits = layers.Dense(classes)(parted)
    return keras.Model(images, [logits, ops.squeeze(shortcut, 1)])


def main() -> None:
    """Print images a second, as bench_training.py does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("batches")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", default="float32")
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    keras.config.set_dtype_policy(arguments.precision)
    with np.load(arguments.batches) as file:
        count, classes = int(file["count"]), int(file["classes"])
        batches = [tuple(file[f"{name}{i}"] for name in ("images", "widths", "codes", "lengths")) for i in range(count)]
    model = network(batches[0][0].shape[1], classes)
    optimizer = keras.optimizers.AdamW(1e-4)

    @tf.function(reduce_retracing=True)
    def step(images: tf.Tensor, frames: tf.Tensor, codes: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits, shortcut = model(images, training=True)
            losses = [
                ops.mean(ops.ctc_loss(codes, ops.cast(scores, "float32"), lengths, frames, mask_index=0))
                for scores in (logits, shortcut)
            ]
            loss = losses[0] + 0.2 * losses[1]
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    seconds = pixels = images_seen = 0.0
    for number, (images, widths, codes, lengths) in enumerate(batches):
        padded = np.zeros((len(lengths), int(lengths.max())), np.int32)
        for row, end, length in zip(padded, np.cumsum(lengths), lengths, strict=True):
            row[:length] = codes[end - length : end]
        began = time.perf_counter()
        inputs = tf.constant(images[..., None].astype(np.float32) / 255.0)
        step(inputs, tf.constant(widths // 4, tf.int32), tf.constant(padded), tf.constant(lengths, tf.int32)).numpy()
        if number >= WARM_UP:
            seconds += time.perf_counter() - began
            pixels += images.shape[0] * images.shape[2]
            images_seen += len(images)
    print(f"Keras {keras.__version__}, TensorFlow {tf.__version__}, {arguments.precision}, {arguments.threads} threads")
    print(f"{images_seen / seconds:.0f} images/s, or {pixels / 192 / seconds:.0f} images of 192 columns/s")


if __name__ == "__main__":
    main()

"""Two models as one would train them without lrbench: plain Keras, `Model.fit`, the same MNIST."""

from typing import Any

import numpy as np

EPOCHS, BATCH, RATE = 2, 32, 0.05


def lenet() -> Any:
    """LeNet-5."""
    import keras

    return keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Reshape((28, 28, 1)),
            keras.layers.Conv2D(6, 5, padding="same", activation="tanh"),
            keras.layers.AveragePooling2D(2),
            keras.layers.Conv2D(16, 5, activation="tanh"),
            keras.layers.AveragePooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(120, activation="tanh"),
            keras.layers.Dense(84, activation="tanh"),
            keras.layers.Dense(10),
        ]
    )


def dropping() -> Any:
    """784-512-512-10 with Dropout."""
    import keras

    layers: list[Any] = [keras.Input((28, 28)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten()]
    for _ in range(2):
        layers += [keras.layers.Dense(512, activation="relu"), keras.layers.Dropout(0.2)]
    return keras.Sequential([*layers, keras.layers.Dense(10)])


def by_hand(make: Any, x: Any, y: Any, x_test: Any, y_test: Any, seed: int, epochs: int = EPOCHS) -> float:
    """Train with Model.fit at a cosine from RATE to 0; return the test accuracy."""
    import keras

    keras.utils.set_random_seed(seed)
    model = make()
    rate = keras.optimizers.schedules.CosineDecay(RATE, epochs * -(-len(x) // BATCH))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(rate), loss=loss, metrics=["accuracy"])
    model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0)
    return float(model.evaluate(x_test, y_test, batch_size=1000, verbose=0, return_dict=True)["accuracy"])


def images(train: int, test: int) -> tuple[Any, ...]:
    """Return the first images and labels of MNIST, as floats that Keras takes."""
    from lrbench.problems.mnist import MNIST

    loaded = MNIST.load()
    return (
        loaded.train.x[:train].astype(np.float32),
        loaded.train.y[:train].astype(np.int32),
        loaded.test.x[:test].astype(np.float32),
        loaded.test.y[:test].astype(np.int32),
    )

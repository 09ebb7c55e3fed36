"""The float network that every accuracy stands beside: same layers, same split, ordinary backpropagation."""

from __future__ import annotations

import numpy as np

from backspike.config import NetworkConfig
from backspike.datasets import Dataset

__all__ = ["float_accuracy"]


def float_accuracy(config: NetworkConfig, dataset: Dataset, seed: int) -> float:
    """Train a float perceptron of the same layers until it converges; return its test accuracy, 0 to 1.

    Hidden layers are ReLUs, trained by Adam in scikit-learn's defaults; a network without a hidden layer is logistic
    regression. Recorded spikes are counted over the ticks: the float network has no time.

    Parameters
    ----------
    config : NetworkConfig
        Gives the layers; everything else about it is of spikes.
    dataset : Dataset
    seed : int
        Seed of the initial weights and of the order of samples.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier

    hidden = config.layers[1:-1]
    if hidden:
        # The default of 200 epochs stops before the loss has settled on small datasets, with a warning.
        model = MLPClassifier(hidden_layer_sizes=hidden, max_iter=2000, random_state=seed)
    else:
        model = LogisticRegression(max_iter=2000)
    scale = 1 / 255 if config.input == "rate" else 1 / config.ticks

    def features(values: np.ndarray) -> np.ndarray:
        rates = values if config.input == "rate" else np.count_nonzero(values, axis=1)
        return rates * scale

    model.fit(features(dataset.train_values), dataset.train_labels)
    return float(model.score(features(dataset.test_values), dataset.test_labels))

"""``backspike import``: weights from other tools."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backspike.config import load_config
from backspike.errors import BackspikeError
from backspike.progress import announced

from .options import (
    PATH,
    Number,
    answering,
    chosen_seed,
    config_option,
    data_dir_option,
    examples,
    optional_dataset_option,
    seed_option,
    setting_option,
    tell_table,
)

if TYPE_CHECKING:
    from backspike.datasets import Dataset
    from backspike.model import Network
    from backspike.weights import Chain

__all__ = ["import_"]

MEASURED = 1000
"""Samples, the first to train on, that activations are measured with."""


def _tell(found: dict[str, Any]) -> None:
    """Print what became of each layer, and how right both networks are."""
    heading = ("weights", "units are", "from", "to", "LSB per 1", "largest", "saturated", "rounding")
    rows = [
        (
            layer["name"],
            layer["activation"],
            f"{layer['lowest']:.3g}",
            f"{layer['highest']:.3g}",
            f"{layer['scale']:.4g}",
            f"{layer['largest']:.1f}",
            f"{layer['saturated']:.2%}",
            f"{layer['rounding']:.2%}",
        )
        for layer in found["layers"]
    ]
    tell_table([heading, *rows])
    for way, accuracy in found.get("accuracies", {}).items():
        click.echo(f"{way}: {accuracy:.2%} of {found['samples']} samples")
    if "dataset" not in found and any(layer["activation"] == "ReLU" for layer in found["layers"]):
        click.echo("ReLUs were measured with random samples; --dataset measures them with those of a dataset")
    click.echo(f"written to {found['out']}")


@click.command(
    "import",
    epilog=examples(
        "backspike import net.pt --config mnist-ecp5 --dataset mnist --out run/checkpoint.npz",
        "backspike import net.nir --config digits --out checkpoint.npz",
    ),
)
@click.argument("file", type=PATH)
@config_option
@click.option("--out", type=PATH, required=True, help="The checkpoint, an .npz file.")
@optional_dataset_option("Measures activations with its samples to train on, and accuracies with those to test on.")
@setting_option
@data_dir_option
@click.option(
    "--normalize",
    type=(Number(), Number(0, min_open=True)),
    metavar="MEAN DEVIATION",
    help="What was subtracted from values of 0 to 1, and what they were divided by; it goes into the first layer.",
)
@click.option(
    "--percentile",
    type=Number(0, 100, min_open=True),
    default=95.0,
    show_default=True,
    help="Share of a ReLU layer's activations that is to be within the ramp of a hidden unit.",
)
@click.option(
    "--tick",
    type=Number(0, min_open=True),
    default=1e-4,
    show_default=True,
    help="Length of a tick in the seconds of NIR's time constants.",
)
@seed_option
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
@answering(_tell)
def import_(
    file: Path,
    config_name: str,
    out: Path,
    dataset_name: str | None,
    settings: dict[str, Any],
    data_dir: Path | None,
    normalize: tuple[float, float] | None,
    percentile: float,
    tick: float,
    seed: int | None,
    force: bool,
) -> dict[str, Any]:
    """Take the weights of a float network from PyTorch, snnTorch or NIR, and say what they lose.

    FILE is a state dict of PyTorch or snnTorch (.pt, .safetensors), or a graph in NIR (.nir): fully connected layers of
    the configuration's sizes with ReLUs or neurons that integrate and fire. What does not map is named. With a dataset,
    the answers of both networks are compared. docs/weights.md says how layers are scaled.
    """
    from backspike.model import Network
    from backspike.training.checkpoint import Checkpoint
    from backspike.weights import fit_chain, read_chain

    config = load_config(config_name)
    config = config.replace(seed=chosen_seed(config, seed))
    if out.exists() and not force:
        raise BackspikeError(f"{out} is there already; --force overwrites it")
    if dataset_name is None and (settings or data_dir):
        raise BackspikeError("settings and folders of datasets are for --dataset, which is not given")
    chain = read_chain(file, config.layers, tick)
    if normalize:
        chain = chain.normalised(*normalize)
    dataset = None
    if dataset_name:
        from backspike.datasets import load_dataset

        with announced(f"loading {dataset_name}"):
            dataset = load_dataset(dataset_name, config, config.seed, settings, data_dir)
    fit = fit_chain(chain, config, _measured(dataset), percentile)
    network = Network(config, fit.weights)
    found: dict[str, Any] = {"file": str(file), "out": str(out), "layers": [asdict(layer) for layer in fit.layers]}
    if dataset:
        found.update(dataset=dataset.name, **_accuracies(chain, network, dataset))
    Checkpoint.capture(network).save(out)
    return found


def _measured(dataset: Dataset | None) -> Any:
    """Return samples that activations are measured with, or None."""
    from backspike.training.baseline import features

    return None if dataset is None else features(dataset.train_values[:MEASURED])


def _accuracies(chain: Chain, network: Network, dataset: Dataset) -> dict[str, Any]:
    """Return the accuracies, 0 to 1, of float network and imported one with the samples to test on.

    A float network that spikes may have learned from values that are there in every tick, or from spikes drawn from
    them, and no file says which: it is asked both ways.
    """
    from backspike.training.answers import Evaluation, answer
    from backspike.training.baseline import features

    values, labels, config = dataset.test_values, dataset.test_labels, network.config
    shown = (values > 0).astype("float32") if values.ndim == 3 else features(values)
    ways = {"float": False}
    if chain.spiking and values.ndim == 2:
        ways = {"float, constant inputs": False, "float, inputs that spike": True}
    accuracies = {
        way: float((chain.classes(shown, config.ticks, drawn) == labels).mean()) for way, drawn in ways.items()
    }
    answers = answer(network, values, title="evaluating", silent=False)
    accuracies["imported"] = Evaluation.of(answers.classes, labels, config.layers[-1]).accuracy
    return {"samples": len(labels), "accuracies": accuracies}

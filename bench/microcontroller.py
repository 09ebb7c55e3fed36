"""Backpropagation of the same network on a microcontroller: instructions of a sample that is learned.

    BACKSPIKE_DATA=... python bench/microcontroller.py --config mnist-up5k --dataset mnist

`microcontroller/train.c` is compiled for three cores and run in QEMU, in whose time every instruction takes a
nanosecond. Prints and saves a record; needs gcc-arm-none-eabi, libnewlib-arm-none-eabi and qemu-system-arm.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import click
import numpy as np
from epoch import first_epoch, made_with, write_record

from backspike.commands.options import seed_option

COMPILER, EMULATOR = "arm-none-eabi-gcc", "qemu-system-arm"
SOURCES = Path(__file__).parent / "microcontroller"
PASSES = 10
"""How often the samples are shown: the last time must find most of them learned, or nothing was measured."""

VARIANTS = {
    "Cortex-M4F or M33, float32": ("-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
    "Cortex-M4 or M33, 16-bit weights": ("-mcpu=cortex-m4", "-DFIXED"),
    "Cortex-M0+, 16-bit weights": ("-mcpu=cortex-m0plus", "-DFIXED"),
}


def header(layers: tuple[int, ...], values: np.ndarray, labels: np.ndarray) -> str:
    """Return what `train.c` includes: sizes, and each sample's inputs that are not zero."""
    inputs, hidden, classes = layers
    lines = [
        f"#define INPUTS {inputs}",
        f"#define HIDDEN {hidden}",
        f"#define CLASSES {classes}",
        f"#define SAMPLES {len(labels)}",
        f"#define PASSES {PASSES}",
        "#define RATE 0.05f",
        "#define SPREAD 0.1f",
        "struct sample { uint16_t label, count; uint16_t index[INPUTS]; uint8_t value[INPUTS]; };",
        "static const struct sample samples[] = {",
    ]
    for sample, label in zip(values, labels, strict=True):
        index = np.flatnonzero(sample)
        indices, found = (", ".join(map(str, numbers)) or "0" for numbers in (index, sample[index]))
        lines.append(f"    {{{label}, {len(index)}, {{{indices}}}, {{{found}}}}},")
    return "\n".join([*lines, "};", ""])


def measure(options: tuple[str, ...], folder: Path) -> tuple[int, int]:
    """Return instructions of a sample, and how many samples of the last pass were right before they were learned."""
    program = folder / "train.elf"
    command = [COMPILER, "-O3", "-ffast-math", "-mthumb", *options, f"-I{folder}", "-nostartfiles"]
    command += ["-T", str(SOURCES / "board.ld"), str(SOURCES / "train.c"), "-lm", "--specs=nosys.specs"]
    subprocess.run([*command, "-o", str(program)], check=True)
    emulator = [EMULATOR, "-M", "mps2-an386", "-display", "none", "-icount", "shift=0"]
    emulator += ["-chardev", "stdio,id=out", "-semihosting-config", "enable=on,chardev=out"]
    ran = subprocess.run([*emulator, "-kernel", str(program)], check=True, capture_output=True, text=True)
    instructions, right = map(int, ran.stdout.split())
    return instructions, right


@click.command()
@click.option("--config", "name", default="mnist-up5k", show_default=True)
@click.option("--dataset", default="mnist", show_default=True)
@click.option("--samples", type=click.IntRange(1), default=500, show_default=True)
@seed_option
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/microcontroller.md"), show_default=True)
def main(name: str, dataset: str, samples: int, seed: int | None, out: Path) -> None:
    """Count instructions."""
    for tool, package in ((COMPILER, "gcc-arm-none-eabi libnewlib-arm-none-eabi"), (EMULATOR, "qemu-system-arm")):
        if not shutil.which(tool):
            raise click.ClickException(f"{tool} is missing; install it with: apt-get install {package}")
    config, data, order = first_epoch(name, dataset, samples, seed)
    if config.depth != 2 or config.input != "rate":
        raise click.ClickException(f"{name} has to have one hidden layer, and inputs of values")
    values, labels = data.train_values[order], data.train_labels[order]
    weights = sum(layer.rows * layer.units for layer in config.weight_layers)
    record = {
        "network": f"{'-'.join(map(str, config.layers))}, {weights:,} weights",
        "samples": f"{len(order):,} of {dataset}, {np.count_nonzero(values) / len(order):.1f} inputs not zero each",
    }
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "samples.h").write_text(header(config.layers, values, labels))
        for variant, options in VARIANTS.items():
            instructions, right = measure(options, folder)
            if right < 0.9 * len(order):
                raise click.ClickException(f"{variant}: {right} of {len(order)} samples were learned, too few")
            kib = weights * (2 if "-DFIXED" in options else 4) / 1024
            record[variant] = (
                f"{instructions:,} instructions a sample, {kib:.0f} KiB of weights; {right / len(order):.1%} right in "
                f"pass {PASSES}"
            )
    for tool in (COMPILER, EMULATOR):
        record[tool] = subprocess.run([tool, "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    record |= made_with()
    write_record(out, record)


if __name__ == "__main__":
    main()

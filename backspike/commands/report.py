"""``backspike report``: trainings and builds as a page to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from backspike.progress import announced

from .options import PATH, data_dir_option, examples, optional_dataset_option, setting_option

__all__ = ["report"]


@click.command(
    epilog=examples(
        "backspike report run --out run.html",
        "backspike report seed-1 seed-2 build/tiny --out report.html",
        "backspike report run --dataset mine.npz --image 20x28 --sample 7 --out run.html",
    )
)
@click.argument("folders", metavar="DIR...", nargs=-1, required=True, type=PATH)
@click.option("--out", "page", type=PATH, required=True, metavar="PAGE", help="The HTML file to be written.")
@optional_dataset_option("The samples of the trainings; those that each one's metrics.json names when left out.")
@setting_option
@data_dir_option
@click.option("--sample", type=click.IntRange(0), help="Test sample whose raster is drawn; the worst when left out.")
@click.option("--image", metavar="HEIGHTxWIDTH", help="Size of the samples as images; a square, or two, when left out.")
def report(
    folders: tuple[Path, ...],
    page: Path,
    dataset_name: str | None,
    settings: dict[str, Any],
    data_dir: Path | None,
    sample: int | None,
    image: str | None,
) -> None:
    """Write one HTML page of trainings and builds, to be looked at without anything else.

    Each DIR holds what a training has left (metrics.json, checkpoint.npz), or a build (report.json), or both. The page
    has learning curves beside the float network's, confusion matrix, worst samples, receptive fields, the raster of one
    sample through all layers, synaptic operations and early exit, and the resources and timing of builds. What is
    missing in a DIR is said on the page, and here.
    """
    from backspike.report.images import ImageShape
    from backspike.report.page import write_page
    from backspike.report.tested import Samples

    size = None if image is None else ImageShape.parse(image)
    with announced(f"making {page}"):
        missing = write_page(folders, page, Samples(dataset_name, settings, data_dir), sample, size)
    for sentence in missing:
        click.echo(sentence)
    click.echo(f"written to {page}: {page.stat().st_size / 1e6:.1f} MB")

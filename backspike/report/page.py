"""The page of trainings and builds: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import backspike
from backspike.errors import BackspikeError, loading
from backspike.files import write_atomic

from .build_section import build_section
from .folders import read_folders
from .overview import overview
from .tested import Samples
from .training_section import training_section

__all__ = ["write_page"]


def write_page(
    folders: Sequence[Path],
    page: Path,
    samples: Samples,
    sample: int | None = None,
    image: tuple[int, int] | None = None,
) -> list[str]:
    """Write the page of some folders, and return what is missing in it, in sentences.

    Parameters
    ----------
    folders : sequence of Path
        Of trainings and builds, see `read_folders`.
    page : Path
        The file, written whole or not at all.
    samples : Samples
        Where the samples of the trainings are.
    sample : int, optional
        The test sample whose raster is drawn, from 0; the worst one when left out.
    image : tuple of int, optional
        Height and width of the samples as images; of as many pixels on each side when left out.

    Raises
    ------
    BackspikeError
        A folder holds nothing, or what cannot be read; samples that were asked for are not to be had; Matplotlib or
        Jinja cannot be loaded; or the file cannot be written.
    """
    if page.is_dir():
        raise BackspikeError(f"--out must be a file to be written, and {page} is a folder")
    trainings, builds = read_folders(folders)
    sections = [
        *(training_section(training, samples, sample, image) for training in trainings),
        *(build_section(build, trainings) for build in builds),
    ]
    with loading("Jinja"):
        from jinja2 import Environment, PackageLoader, StrictUndefined
    environment = Environment(
        loader=PackageLoader("backspike.report", ""),
        # Names come from those who use it.
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template("page.html").render(
        overview=overview(trainings), sections=sections, version=backspike.__version__
    )
    # Names of files may be no text at all.
    write_atomic(page, text.encode(errors="replace"))
    missing = [f"{section.folder}: {part.missing}" for section in sections for part in section.parts if part.missing]
    return list(dict.fromkeys(missing))

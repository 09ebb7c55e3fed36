"""EMNIST: handwritten letters and digits in the six splits of its authors, and a folder of letters of one's own."""

from __future__ import annotations

from .dataset import Dataset, Request
from .files import Archive, Source, locate
from .mnist import image_dataset

__all__ = ["EMNIST_SPLITS", "LETTERS26", "emnist_source", "load_emnist", "load_emnist_letters26"]

EMNIST_SPLITS = {"balanced": 47, "byclass": 62, "bymerge": 47, "digits": 10, "letters": 26, "mnist": 10}
"""Number of classes of each official split."""

LETTERS26 = Source(
    title="emnist-letters26",
    folder="emnist-letters26",
    files=tuple(f"{part}-{kind}-ubyte.gz" for part in ("train", "test") for kind in ("images-idx3", "labels-idx1")),
    help=(
        " (it is a selection of one's own from EMNIST, upright, with labels 1 to 26; "
        "the authors' letters are dataset emnist-letters)"
    ),
)
"""Twenty-six letters, upper and lower case in one class, upright."""


def emnist_source(split: str) -> Source:
    """Return the source of an official split.

    G. Cohen, S. Afshar, J. Tapson, A. van Schaik, "EMNIST: an extension of MNIST to handwritten letters" (2017),
    arXiv 1702.05373. All splits come in one archive of 536 MB; its checksum is the one that torchvision checks.
    """
    return Source(
        title=f"EMNIST ({split})",
        folder="emnist",
        # The folder in the authors' zip.
        aliases=("gzip",),
        files=tuple(
            f"emnist-{split}-{part}-{kind}-ubyte.gz"
            for part in ("train", "test")
            for kind in ("images-idx3", "labels-idx1")
        ),
        urls=(
            "https://biometrics.nist.gov/cs_links/EMNIST/{name}",
            "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/{name}",
        ),
        archive=Archive("gzip.zip", "md5:58c8d27c78d21e728a6bc7b3cc06412e"),
    )


def load_emnist(request: Request) -> Dataset:
    """Load a split of EMNIST: images of 28x28 pixels, turned upright, since the official files are transposed."""
    request.refuse_settings()
    split = request.name.removeprefix("emnist-")
    return image_dataset(
        request.name,
        locate(emnist_source(split), request.data_dir),
        classes=EMNIST_SPLITS[split],
        # The letters alone count from 1.
        first_label=1 if split == "letters" else 0,
        transposed=True,
    )


def load_emnist_letters26(request: Request) -> Dataset:
    """Load the letters of a folder ``emnist-letters26``; its figures compare with those on the same files alone."""
    request.refuse_settings()
    return image_dataset(request.name, locate(LETTERS26, request.data_dir), classes=26, first_label=1)

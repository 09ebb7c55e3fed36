"""Files that the packages of others have written: see make_files.py."""

from pathlib import Path

FILES = Path(__file__).parent / "files"
SHAPE = (64, 16, 10)

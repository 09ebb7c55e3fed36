import tempfile

import pytest


@pytest.fixture(autouse=True)
def own_temporary_directory(tmp_path, monkeypatch):
    """Failing benches leave their log: here in a folder that pytest tidies up."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))

import tempfile

import pytest
from hypothesis import settings

# Few examples, to be quick, none of them kept, and no clock: `pytest --hypothesis-profile thorough` takes many.
settings.register_profile("quick", max_examples=100, deadline=None, database=None, print_blob=True)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=5_000)
settings.load_profile("quick")


@pytest.fixture(autouse=True)
def own_temporary_directory(tmp_path_factory, monkeypatch):
    """Failing benches leave their log: here in a folder that pytest tidies up."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("temporary")))

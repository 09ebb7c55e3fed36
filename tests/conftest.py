import gc
import itertools
import signal
import tempfile

import pytest
from hypothesis import settings

from backspike import progress
from backspike.hdl import verilog
from tests.packaged_yosys import remembering

# Benches run in the tests' own process, too.
pytest.register_assert_rewrite("tests.hdl.benches")

# Few examples, to be quick, none of them kept, and no clock: `pytest --hypothesis-profile thorough` takes many.
settings.register_profile("quick", max_examples=100, deadline=None, database=None, print_blob=True)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=5_000)
settings.load_profile("quick")


# Amaranth makes objects by the million, nearly all of them in use: to look for garbage among them as often as Python
# does by itself takes a third of the time. What has been loaded by then stays.
gc.set_threshold(500_000, 20, 20)


def pytest_collection_finish():
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def yosys_writes_a_text_once(tmp_path_factory, request):
    folder = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):
        folder = folder.parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verilog, "run_program", remembering(verilog.run_program, folder))
        yield


@pytest.fixture(scope="session")
def temporary_directories(tmp_path_factory):
    """Folders, one after the other: pytest looks through all that it has made before it makes another."""
    folder = tmp_path_factory.mktemp("temporary")
    return (folder / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def own_temporary_directory(temporary_directories, monkeypatch):
    """Failing benches leave their log: here in a folder that pytest tidies up."""
    folder = next(temporary_directories)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))


@pytest.fixture(autouse=True)
def signals_are_not_ignored():
    """Ctrl-C is, in what a script starts in the background, and SIGHUP under nohup: their programs would, too."""
    handlers = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGHUP: signal.SIG_DFL,
        signal.SIGTERM: signal.SIG_DFL,
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def nothing_takes_long(monkeypatch):
    """On a busy machine anything would be told of as taking long, where a test counts the lines."""
    monkeypatch.setattr(progress, "DELAY", 3600.0)

"""Builds are kept once and whole; a cache that cannot be written costs time and no more."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest

from backspike import BackspikeError
from backspike import cache as module
from backspike.cache import cache_directory, cached, kept_builds, prune, prune_leftovers, user_cache
from backspike.cli import main
from backspike.errors import BackspikeWarning
from backspike.programs import clean_environment, run_program


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("BACKSPIKE_CACHE", str(tmp_path / "own cache"))
    return tmp_path / "own cache"


@pytest.fixture(autouse=True)
def _forget_temporary_folders():
    yield
    module._usual_cache.cache_clear()
    module._temporary.cache_clear()
    module._after_full.clear()


def product(folder: Path) -> None:
    (folder / "product").write_text("made")


def read(parts: list[str]) -> str:
    return (cached(parts, product, "a product") / "product").read_text()


def never(folder: Path) -> None:
    raise AssertionError("it is there already")


def test_the_cache_is_where_the_environment_says(folder, monkeypatch):
    assert cache_directory() == folder
    monkeypatch.chdir(folder.parent)
    monkeypatch.setenv("BACKSPIKE_CACHE", "own cache")
    assert cache_directory() == folder  # for programs that run in another folder
    monkeypatch.delenv("BACKSPIKE_CACHE")
    assert cache_directory() == user_cache() / "backspike"


def test_what_was_built_is_not_built_again_and_told_once(folder, caplog):
    with caplog.at_level("INFO", "backspike"):
        entry = cached(["a", "b"], product, "a product")
        assert cached(["a", "b"], never, "a product") == entry
        assert cached(["ab"], product, "another") != entry
    assert [record.getMessage() for record in caplog.records] == ["building a product ...", "building another ..."]
    assert sorted(path.name for path in entry.iterdir()) == ["checksums.json", "product"]
    assert len(list((folder / "builds").iterdir())) == 2


def test_a_quicker_process_is_believed_only_if_its_build_is_whole(folder):
    def made_elsewhere(whole):
        def make(mine):
            (mine / "product").write_text("mine")
            entry = folder / "builds" / mine.parent.name.removeprefix(".").partition("-")[0]
            entry.mkdir()
            (entry / "product").write_text("theirs")
            if whole:
                description = {"title": "", "files": module._checksums(entry)}
                (entry / module._CHECKSUMS).write_text(json.dumps(description))

        return make

    assert (cached(["whole"], made_elsewhere(True), "") / "product").read_text() in ("mine", "theirs")
    assert (cached(["half"], made_elsewhere(False), "") / "product").read_text() == "mine"


BUILD_AND_WAIT = """
import sys, time
from backspike.cache import cached
def make(folder):
    (folder.parent / "half").write_text("half a build")
    print("begun", flush=True)
    time.sleep(600)
cached(["slow"], make, "slow")
"""


def test_leftovers_of_killed_builds_go_and_running_ones_stay(folder):
    process = subprocess.Popen([sys.executable, "-c", BUILD_AND_WAIT], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "begun\n"
        builds = folder / "builds"
        assert prune_leftovers(builds) == 0
        assert len(list(builds.glob(".*/half"))) == 1
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    read(["another"])
    assert [path.name[0] == "." for path in builds.iterdir()] == [False]


@pytest.mark.parametrize("kind", ["a file is in the way", "full from the start", "full in the end", "compiler"])
def test_a_cache_that_takes_nothing_costs_a_warning(kind, folder, monkeypatch):
    reason = os.strerror(errno.ENOSPC)
    if kind == "a file is in the way":
        folder.write_text("")
        reason = os.strerror(errno.ENOTDIR)

    def make(made):
        if folder in made.parents:
            if kind == "full from the start":
                raise OSError(errno.ENOSPC, reason)
            if kind == "compiler":
                raise BackspikeError(f"g++ cannot build it: fatal error: cannot write: {reason}")
        product(made)

    rename = Path.rename

    def full(path, target):
        if kind == "full in the end" and folder in path.parents:
            raise OSError(errno.ENOSPC, reason)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", full)
    with pytest.warns(BackspikeWarning, match=rf"^what is built cannot be kept in {folder}/builds: {reason}"):
        entry = cached(["parts"], make, "a product")
    assert (entry / "product").read_text() == "made"
    assert folder not in entry.parents
    # A full disk may be that of the caches of the tools.
    assert (user_cache() in entry.parents) == (kind != "a file is in the way")
    assert clean_environment()["XDG_CACHE_HOME"] == str(user_cache())
    # Without another warning, and not built again as long as this process lives.
    made = []
    assert cached(["parts"], lambda made_in: made.append(1) or make(made_in), "a product") == entry
    assert len(made) <= 1


def test_no_place_at_all_is_one_sentence(folder):
    def full(made):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.warns(BackspikeWarning), pytest.raises(BackspikeError, match=r"^cannot build it in .*: No space left"):
        cached(["parts"], full, "it")


def test_other_faults_of_a_build_are_passed_on(folder):
    def fail(made):
        raise BackspikeError("the compiler says no")

    with pytest.raises(BackspikeError, match=r"^the compiler says no$"):
        cached(["parts"], fail, "it")
    assert list((folder / "builds").iterdir()) == []


def test_a_build_in_a_cache_that_cannot_be_written_is_used(folder):
    entry = cached(["parts"], product, "a product")
    for path in (entry, entry.parent, folder):
        path.chmod(0o555)
    try:
        assert cached(["parts"], never, "a product") == entry
    finally:
        for path in (folder, entry.parent, entry):
            path.chmod(0o755)


@pytest.mark.parametrize("home", ["~/.cache", "/proc/nothing/.cache"])
def test_without_a_home_caches_are_temporary(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BACKSPIKE_CACHE", raising=False)
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *names: Path(home))
    module._usual_cache.cache_clear()
    with pytest.warns(BackspikeWarning, match=r"^what is built cannot be kept in "):
        environment = clean_environment()
    assert read(["parts"]) == "made"  # without another warning
    assert Path(environment["XDG_CACHE_HOME"]).is_dir()
    assert environment["XDG_CACHE_HOME"] != home
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_cache_ends_with_its_process(tmp_path):
    program = "from backspike.cache import cached; cached(['x'], lambda made: (made / 'file').touch(), 'x')"
    environment = {**os.environ, "TMPDIR": str(tmp_path), "BACKSPIKE_CACHE": "/dev/null/cache"}
    process = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert "what is built cannot be kept in /dev/null/cache/builds" in process.stderr
    assert list(tmp_path.iterdir()) == []


def test_programs_of_another_process_find_its_caches():
    assert run_program(["sh", "-c", "echo $XDG_CACHE_HOME"]).stdout.strip() == str(user_cache())


# -- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def two_builds(folder):
    old = cached(["old"], product, "an old product")
    os.utime(old, (0, 10 * 86_400))
    return old, cached(["new"], lambda made: (made / "product").write_bytes(bytes(2_500_000)), "a new product")


def test_what_is_asked_for_is_young_again(two_builds):
    assert [build.title for build in kept_builds()] == ["a new product", "an old product"]
    read(["old"])
    assert len(prune(30)) == 0


def test_the_command_shows_lists_and_prunes(two_builds, folder, capsys):
    (folder / "datasets" / "mnist").mkdir(parents=True)
    (folder / "datasets" / "mnist" / "file").write_bytes(bytes(1_000_000))
    assert main(["cache"]) == 0
    output = capsys.readouterr().out
    assert output.split() == [*str(folder).split(), "builds", "2.5", "MB", "2", "of", "them", "datasets", "1.0", "MB"]
    assert main(["cache", "size"]) == 0
    assert capsys.readouterr().out == output
    assert main(["cache", "list"]) == 0
    new, old = capsys.readouterr().out.splitlines()
    assert new.endswith("2.5 MB  " + two_builds[1].name[:8] + "  a new product")
    assert old.startswith("1970-01-1")
    assert old.endswith("an old product")
    (folder / "builds" / f".{two_builds[0].name}-killed").mkdir()
    # What others have put there is none of ours: not shown, and not deleted.
    foreign = [folder / "builds" / name for name in ("thesis", ".git-of-mine", "0123", f"{two_builds[0].name}-kept")]
    for path in foreign:
        path.mkdir()
    (folder / "builds" / "notes").touch()
    assert main(["cache", "prune"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "builds deleted: 1, 0.0 MB",
        "leftovers of killed builds deleted: 1",
    ]
    assert [build.title for build in kept_builds()] == ["a new product"]
    assert main(["cache", "prune", "--days", "0"]) == 0
    assert kept_builds() == []
    assert set((folder / "builds").iterdir()) == {*foreign, folder / "builds" / "notes"}
    assert (folder / "datasets" / "mnist" / "file").exists()


def test_an_empty_cache_is_no_error(folder, capsys):
    for arguments in (["cache"], ["cache", "list"], ["cache", "prune"]):
        assert main(arguments) == 0
    assert not folder.exists()

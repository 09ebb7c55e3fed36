"""What is given out: a source distribution that is the whole project, a wheel that runs, and links that resolve."""

from __future__ import annotations

import email
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import setuptools
import yaml

from backspike.toml import tomllib
from tests.documents import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NEEDED = 77
FOLDERS = {PROJECT["tool"]["setuptools"]["package-dir"].get(name, name.replace(".", "/")): name.replace(".", "/")
           for name in PROJECT["tool"]["setuptools"]["packages"]}  # fmt: skip
"""Each package's folder here, and in the wheel."""


def in_git() -> list[str]:
    """Return the files under version control, and those that are about to be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("needs a clone: it says which files there are")
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def make(kind: str, source: Path, out: Path) -> Path:
    """Have setuptools build a distribution, as pip has it do."""
    code = f"import sys; from setuptools import build_meta; print('made', build_meta.build_{kind}(sys.argv[1]))"
    made = subprocess.run([sys.executable, "-c", code, out], cwd=source, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    assert "would be ignored" not in made.stderr
    return out / re.findall(r"^made (\S+)$", made.stdout, re.M)[-1]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return source distribution and the wheel that is made of it."""
    if int(setuptools.__version__.split(".")[0]) < NEEDED:
        pytest.skip(f"needs setuptools {NEEDED}: pip install .[dev]")
    folder = tmp_path_factory.mktemp("distribution")
    for name in in_git():
        (folder / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / "clone" / name)
    source = make("sdist", folder / "clone", folder)
    with tarfile.open(source) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    return source, make("wheel", unpacked, folder)


def test_the_source_distribution_is_the_whole_project(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[0]) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert set(in_git()) - inside == set()


def test_the_wheel_has_all_files_of_its_packages(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[1]) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    expected = set()
    for name in in_git():
        # Of these the folders inside are no packages.
        folder = "experiments" if name.startswith("experiments/") else str(Path(name).parent)
        folder = "sim" if name.startswith("sim/cells/") else folder
        if folder in FOLDERS:
            expected.add(f"{FOLDERS[folder]}/{Path(name).relative_to(folder)}")
    assert inside == expected


def test_links_of_its_page_resolve_without_the_files_beside_it(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[1]) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        page = email.message_from_bytes(archive.read(name))
    assert page["Name"] == "backspike"
    assert page["Description-Content-Type"] == "text/markdown"
    text = page.get_payload(decode=True).decode()
    assert text.strip() == (ROOT / "PACKAGE.md").read_text().strip()
    links = re.findall(r"\]\(([^)]*)\)|(?:src|href)=\"([^\"]*)\"", text)
    assert links
    assert all(re.match("https://", "".join(link)) for link in links)


def test_the_wheel_runs_where_nothing_else_is(built: tuple[Path, Path], tmp_path: Path) -> None:
    """Data, experiments and page come with it; what it depends on is this environment's."""
    with zipfile.ZipFile(built[1]) as archive:
        archive.extractall(tmp_path / "site")
    (tmp_path / "empty").mkdir()

    def say(*words: str) -> str:
        command = [sys.executable, "-m", "backspike", *words]
        environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
        done = subprocess.run(
            command, cwd=tmp_path / "empty", env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    listed = say("experiment", "list").splitlines()
    assert [line.split()[0] for line in listed] == [
        *(path.stem for path in sorted((ROOT / "experiments").glob("*.toml"))),
        *(f"on_chip/{path.stem}" for path in sorted((ROOT / "experiments" / "on_chip").glob("*.toml"))),
    ]
    assert "train" in say("--help")
    assert json.loads(say("presets", "--json"))["digits"]["layers"] == [64, 32, 10]


def test_links_between_files_resolve() -> None:
    """In a clone, and so in the source distribution: of the texts that Sphinx does not read."""
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "CODE_OF_CONDUCT.md"):
        text = re.sub(r"`[^`]*`", "", (ROOT / name).read_text())
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)|(?:src|href)=\"([^\"#]+)", text):
            target = "".join(link)
            assert re.match("https://", target) or (ROOT / target).exists(), f"{name}: {target}"


def test_the_citation_has_what_its_format_asks_for() -> None:
    """Citation File Format 1.2.0: required keys, and of the values those forms that readers look at."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = PROJECT["project"]
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert (citation["cff-version"], citation["version"]) == ("1.2.0", project["version"])
    assert citation["license"] in project["license"]
    paper = citation["preferred-citation"]
    assert {"type", "title", "authors"} <= paper.keys()
    assert re.fullmatch(r"10\.\d{4,9}/\S+", paper["doi"])
    assert f"https://doi.org/{paper['doi']}" in (ROOT / "README.md").read_text()
    assert paper["title"] in " ".join((ROOT / "README.md").read_text().split())
    for person in paper["authors"]:
        assert {"family-names", "given-names"} <= person.keys()
        assert re.fullmatch(
            r"https://orcid\.org/(\d{4}-){3}\d{3}[\dX]", person.get("orcid", "https://orcid.org/0000-0000-0000-0000")
        )


def test_what_a_public_host_reads_can_be_read() -> None:
    """The workflow runs the check of a commit, and nothing that is not pinned to a commit."""
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    (job,) = yaml.safe_load(workflow)["jobs"].values()
    assert ".ci/run" in [step.get("run") for step in job["steps"]]
    used = re.findall(r"uses: (\S+)", workflow)
    assert used
    assert all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", action) for action in used)
    assert "secrets." not in workflow
    for form in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"):
        read = yaml.safe_load(form.read_text())
        assert form.name == "config.yml" or {"name", "description", "body"} <= read.keys()
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    assert (ROOT / ".devcontainer" / container["build"]["dockerfile"]).is_file()
    target = container["postCreateCommand"].removeprefix("make .venv/")
    assert f"$(VENV)/{target}" in (ROOT / "Makefile").read_text()

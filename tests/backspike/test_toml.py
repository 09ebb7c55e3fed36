"""TOML files, whatever is in them: a table, or one sentence that names the file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from backspike import PRESETS, BackspikeError, load_config
from backspike.errors import shown
from backspike.experiments.definitions import load_experiment, load_sweep
from backspike.toml import LARGEST, read_toml, take

LOADERS = [lambda path: load_config(str(path)), load_experiment, load_sweep]


def sentence_of(load, path: Path) -> str:
    """Return the one sentence with which a file is refused."""
    with pytest.raises(BackspikeError) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 1000
    return str(caught.value)


@pytest.mark.parametrize("load", LOADERS, ids=["configuration", "experiment", "sweep"])
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a = " + b"[" * 5000, "it is nested too deeply"),
        (b"a = " + b"[" * 5000 + b"]" * 5000, "it is nested too deeply"),
        (b"a = " + b"{a=" * 5000, "it is nested too deeply"),
        (b".".join([b"a"] * 5000) + b" = 1", "it is nested too deeply"),
        (b"[" + b" . ".join([b"'a'"] * 5000) + b"]", "it is nested too deeply"),
        (b"a = " + b"9" * 5000, "is not valid TOML: "),
        (b"\xff\xfel\x00", "is not valid TOML: "),
        (b"a = 1\na = 2", "is not valid TOML: "),
        (b"\x00", "is not valid TOML: "),
        (b"#" * (LARGEST + 1), f"it holds more than {LARGEST:,} bytes"),
        (b"layers = 0x" + b"f" * 5000, "very long int"),
        (b"dataset.name.x.y = 0x" + b"f" * 5000, ""),
        (b"'\\n\xc2\xa0' = 1", "is not a"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_file_that_is_no_such_table_is_one_sentence(load, content, sentence, tmp_path) -> None:
    path = tmp_path / "file.toml"
    path.write_bytes(content)
    if sentence == "very long int" and load is not LOADERS[0]:
        sentence = "'layers' is not a value of"
    assert sentence in sentence_of(load, path)


@pytest.mark.parametrize("load", LOADERS, ids=["configuration", "experiment", "sweep"])
def test_what_is_no_file_is_one_sentence(load, tmp_path) -> None:
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "endless.toml").symlink_to("/dev/zero")
    (tmp_path / "broken.toml").symlink_to(tmp_path / "nowhere")
    assert sentence_of(load, tmp_path / "folder.toml").endswith("Is a directory")
    assert sentence_of(load, tmp_path / "endless.toml").endswith(f"it holds more than {LARGEST:,} bytes")
    assert sentence_of(load, tmp_path / "broken.toml").endswith("No such file or directory")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_one_sentence(tmp_path) -> None:
    (tmp_path / "secret.toml").touch(mode=0)
    assert sentence_of(read_toml, tmp_path / "secret.toml").endswith("Permission denied")


@pytest.mark.parametrize("change", [lambda text: "\ufeff" + text, lambda text: text.replace("\n", "\r\n")])
def test_what_editors_on_other_systems_write_is_the_same(change, tmp_path) -> None:
    path = tmp_path / "file.toml"
    path.write_bytes(change(tomli_w.dumps(PRESETS["mnist-up5k"].to_dict())).encode())
    assert load_config(str(path)) == PRESETS["mnist-up5k"]


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 10**400, 16**5000, True, "1", [1.0], {"a": 1}], ids=shown
)
def test_no_such_number(value) -> None:
    with pytest.raises(BackspikeError, match=r"^rate of \[baseline\] must be a finite number, not "):
        take({"rate": value}, "rate", float, "[baseline]")


VALID = tomli_w.dumps(PRESETS["tiny"].to_dict())
EXPERIMENT = (Path(__file__).parents[2] / "experiments" / "nmnist-small.toml").read_text()
WORDS = st.sampled_from(
    ["[", "]", "{", "}", "=", '"', "'''", "\n", ".", ",", "inf", "nan", "1e999", "true", "0x", "[[a]]", "1979-05-27"]
)


@st.composite
def damaged(draw, text: str) -> bytes:
    """Give a text with a piece of it replaced by anything."""
    start = draw(st.integers(0, len(text)))
    end = start + draw(st.integers(0, 20))
    piece = draw(st.one_of(st.text(max_size=20), st.lists(WORDS, max_size=8).map("".join)))
    return f"{text[:start]}{piece}{text[end:]}".encode()


@given(st.one_of(st.binary(max_size=200), st.text().map(str.encode), damaged(VALID)))
def test_any_file_is_a_configuration_or_one_sentence(tmp_path_factory, content) -> None:
    path = tmp_path_factory.mktemp("any") / "file.toml"
    path.write_bytes(content)
    try:
        config = load_config(str(path))
    except BackspikeError:
        sentence_of(LOADERS[0], path)
    else:
        config.save(path)
        assert load_config(str(path)).to_dict() == config.to_dict()


@given(damaged(EXPERIMENT))
def test_any_file_is_an_experiment_or_one_sentence(tmp_path_factory, content) -> None:
    path = tmp_path_factory.mktemp("any") / "file.toml"
    path.write_bytes(content)
    try:
        load_experiment(path)
    except BackspikeError:
        sentence_of(load_experiment, path)

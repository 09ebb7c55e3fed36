"""What `torch.save` writes is read to the bit; what else a file may hold is refused, and never run."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backspike import BackspikeError
from backspike.weights.torch_file import read_state_dict
from tests.damage import damaged_zips, read_or_refused

from .samples import FILES


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def written(path: Path, pickled: bytes, storages: dict[str, bytes] | None = None, **more: bytes) -> Path:
    """Write a file as `torch.save` does, with a pickle of one's own."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/data.pkl", pickled)
        for name, content in {**(storages or {}), **more}.items():
            archive.writestr(f"net/{name}", content)
    return path


def tensor_pickle(offset: str, shape: str, strides: str, count: str = "I4\n") -> bytes:
    """Return the pickle of a state dict with the one tensor ``w``, in text, with numbers of one's own."""
    storage = b"(S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\n" + count.encode() + b"tQ"
    numbers = f"I{offset}\n({shape}t({strides}t".encode()
    return (
        b"(dS'w'\nctorch._utils\n_rebuild_tensor_v2\n(" + storage + numbers + b"I00\nccollections\nOrderedDict\n(tRtRs."
    )


def test_a_network() -> None:
    """What it answers, tests/backspike/weights/test_chain.py compares with PyTorch."""
    shapes = {"0.weight": (16, 64), "0.bias": (16,), "2.weight": (10, 16), "2.bias": (10,)}
    found = read_state_dict(FILES / "relu.pt")
    assert [(name, array.shape) for name, array in found.items()] == [*shapes.items()]
    assert all(array.dtype == np.float32 and array.all() for array in found.values())


def test_every_type_and_layout() -> None:
    found, numbers = read_state_dict(FILES / "kinds.pt"), np.arange(12)
    for name, dtype in (
        ("float64", "f8"), ("float32", "f4"), ("float16", "f2"), ("bfloat16", "f4"),
        ("int64", "i8"), ("int32", "i4"), ("int16", "i2"), ("int8", "i1"), ("uint8", "u1"), ("bool", "?"),
    ):  # fmt: skip
        assert found[name].dtype == np.dtype(dtype)
        assert np.array_equal(found[name], numbers.astype(dtype)), name
    assert np.array_equal(found["transposed"], numbers.reshape(4, 3).T)
    assert np.array_equal(found["part"], [5, 6, 7, 8])
    assert np.array_equal(found["parameter"], numbers)
    assert found["scalar"].shape == ()
    assert found["scalar"] == 3
    assert found["empty"].shape == (0, 2)


def test_a_network_is_no_state_dict() -> None:
    with pytest.raises(BackspikeError, match=r"module\.pt: it has 'torch\.nn\.modules\.container\.Sequential' in it, .*"
                       r"save net\.state_dict\(\), not the network itself$"):  # fmt: skip
        read_state_dict(FILES / "module.pt")


class Command:
    """Runs something when it is unpickled."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.made = function, arguments

    def __reduce__(self) -> Any:
        return self.made


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("function", [exec, eval, "mkdir", getattr])
def test_nothing_is_run(function: Any, protocol: int, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    text = f"__import__('pathlib').Path({str(trace)!r}).mkdir()"
    command = {"mkdir": Command(Path.mkdir, trace), getattr: Command(getattr, trace, "mkdir")}.get(
        function, Command(function, text)
    )
    hostile = {"weight": command}
    pickle.loads(pickle.dumps(hostile, protocol))
    assert trace.exists() == (function is not getattr), "the pickle was to be hostile"
    if trace.exists():
        trace.rmdir()
    path = written(tmp_path / "net.pt", pickle.dumps(hostile, protocol))
    with pytest.raises(BackspikeError, match="only the tensors of a state dict are read"):
        read_state_dict(path)
    assert not trace.exists()


def test_pickle_for_the_tests_is_good(tmp_path: Path) -> None:
    four = np.arange(4, dtype="<f4")
    path = written(tmp_path / "net.pt", tensor_pickle("0", "I2\nI2\n", "I2\nI1\n"), {"data/0": four.tobytes()})
    assert np.array_equal(read_state_dict(path)["w"], four.reshape(2, 2))


@pytest.mark.parametrize(
    ("pickled", "reason"),
    [
        (tensor_pickle("0", "I3\nI2\n", "I2\nI1\n"), r"has shape \(3, 2\), but a storage of 4 numbers"),
        (tensor_pickle("1", "I2\nI2\n", "I2\nI1\n"), r"has shape \(2, 2\), but a storage of 4 numbers"),
        (tensor_pickle("0", "I2\nI2\n", "I9\nI1\n"), r"has shape \(2, 2\), but a storage of 4 numbers"),
        (tensor_pickle("-1", "I2\n", "I1\n"), "shape"),
        (tensor_pickle("0", "I2\n", "I-1\n"), r"strides \(-1,\)"),
        (tensor_pickle("0", "I99999999\nI99999999\n", "I0\nI0\n"), "a storage of 4 numbers"),
        (tensor_pickle("0", "I2\n", "I1\n", "I5\n"), "announces 5 numbers, but has 4"),
        (tensor_pickle("0", "I2\n", "I1\nI1\n"), "damaged"),
        (b"\x80\x02}r\xff\xff\xff\x7f.", "into place 2147483647"),
        (pickle.dumps([1]), "holds no state dict, but 'list'"),
        (pickle.dumps({}), "holds no state dict"),
        (pickle.dumps({"a": 1}), "'a' in it is no tensor"),
        (pickle.dumps({"state_dict": {"a": "text"}}), "'a' in it is no tensor"),
        (pickle.dumps(OrderedDict(a=None)), "'a' in it is no tensor"),
        (b"garbage", "damaged"),
        (b"", "damaged"),
    ],
)  # fmt: skip
def test_impossible_contents(pickled: bytes, reason: str, tmp_path: Path) -> None:
    path = written(tmp_path / "net.pt", pickled, {"data/0": bytes(16)})
    with pytest.raises(BackspikeError, match=reason) as error:
        read_state_dict(path)
    assert str(path) in str(error.value)


def test_other_files(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    path.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(BackspikeError, match=r"it is no zip, as torch\.save has written them since PyTorch 1\.6"):
        read_state_dict(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other", b"")
    with pytest.raises(BackspikeError, match=r"it is no file of torch\.save"):
        read_state_dict(path)
    written(path, pickle.dumps({}), {"byteorder": b"big"})
    with pytest.raises(BackspikeError, match="its numbers are big-endian"):
        read_state_dict(path)
    with pytest.raises(BackspikeError, match="No such file"):
        read_state_dict(tmp_path / "none.pt")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.deferred(lambda: damaged_zips(members(FILES / "kinds.pt"))))
def test_damage_is_one_sentence(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    path.write_bytes(content)
    read_or_refused(read_state_dict, path)


def test_what_torch_writes_today(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; files that it has written are read above")
    net = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.ReLU(), torch.nn.Linear(4, 3))
    torch.save(net.state_dict(), tmp_path / "net.pt")
    found = read_state_dict(tmp_path / "net.pt")
    assert {name: array.tolist() for name, array in found.items()} == {
        name: tensor.tolist() for name, tensor in net.state_dict().items()
    }
    buffer = io.BytesIO()
    torch.save(net.state_dict(), buffer, _use_new_zipfile_serialization=False)
    (tmp_path / "old.pt").write_bytes(buffer.getvalue())
    with pytest.raises(BackspikeError, match="it is no zip"):
        read_state_dict(tmp_path / "old.pt")

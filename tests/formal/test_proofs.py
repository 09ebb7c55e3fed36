"""The quick proofs, each with its broken twin, which must fail; `make formal` runs all."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from itertools import chain
from pathlib import Path

import pytest

from backspike import hdl

from .catalogue import PROOFS
from .proof import Proof, missing_tool, prove

MISSING = missing_tool()
QUICK = [proof for proof in PROOFS if proof.quick]


@pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
@pytest.mark.parametrize("proof", QUICK, ids=[proof.name for proof in QUICK])
def test_holds_and_its_broken_twin_does_not(proof: Proof, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A relative path, as of `make formal`, and one with a space.
    monkeypatch.chdir(tmp_path)
    outcome = prove(proof, Path("the proof"))
    assert outcome.passed, f"{proof.claim}: {outcome.broken} in clock {outcome.step}\n{outcome.log}"
    twin = prove(proof, Path("twin"), twin=True)
    assert twin.step is not None, f"no counterexample of the broken twin\n{twin.log}"


def test_each_output_stream_is_claimed_to_be_held() -> None:
    streams = set()
    for found in pkgutil.walk_packages(hdl.__path__, f"{hdl.__name__}."):
        module = importlib.import_module(found.name)
        for name, component in inspect.getmembers(module, inspect.isclass):
            if component.__module__ == module.__name__ and hasattr(component, "elaborate"):
                # Ports can be those of a component that it is one of.
                own = [base for base in component.__mro__ if base.__module__.startswith(f"{hdl.__name__}.")]
                source = "".join(map(inspect.getsource, own))
                ports = re.findall(r'"(\w+)": Out\(stream\.Signature\((?!.*always_ready).*', source)
                streams |= {f"{name}.{port}" for port in ports}
    assert streams == set(chain.from_iterable(proof.held for proof in PROOFS))


def test_each_has_a_name_of_its_own_and_a_broken_twin() -> None:
    names = [proof.name for proof in PROOFS]
    assert len(names) == len(set(names))
    assert [proof.name for proof in PROOFS if (proof.twin is None) == (proof.wrong is None)] == []

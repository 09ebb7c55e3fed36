"""Names of networks: those that are no module's in one tool or another are refused."""

from __future__ import annotations

import pytest

from backspike import BackspikeError, NetworkConfig
from backspike.hdl.network import NetworkTop
from backspike.hdl.verilog import describe_ports
from backspike.names import LONGEST_NAME, check_name
from backspike.sim.library import DRIVEN


@pytest.mark.parametrize("name", ["a", "Reg", "driven", "top", "x_", "layer_1", "n" * LONGEST_NAME, "unit", "network"])
def test_possible(name) -> None:
    assert NetworkConfig(layers=(4, 2), name=name).name == name


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "name must be letters, digits and underscores, not ''"),
        ("two words", "name must be letters, digits and underscores, not 'two words'"),
        ("line\n", r"name must be letters, digits and underscores, not 'line\n'"),
        ("größe", "name must be letters, digits and underscores, not 'größe'"),
        ("a.b", "name must be letters, digits and underscores, not 'a.b'"),
        ("../a", "name must be letters, digits and underscores, not '../a'"),
        ("a$b", "name must be letters, digits and underscores, not 'a$b'"),
        ("\\a", r"name must be letters, digits and underscores, not '\\a'"),
        (3, "name must be letters, digits and underscores, not 3"),
        (None, "name must be letters, digits and underscores, not None"),
        (b"a", "name must be letters, digits and underscores, not b'a'"),
        ("1st", "name must begin with a letter, not be '1st'"),
        ("_driven", "name must begin with a letter, not be '_driven'"),
        ("__init__", "name must begin with a letter, not be '__init__'"),
        ("samples__valid", "name must not have two underscores in a row, as 'samples__valid' has"),
        ("n" * 65, f"name must have at most 64 characters, not 65 as '{'n' * 65}' has"),
        ("reg", "name must not be 'reg', a keyword of SystemVerilog"),
        ("module", "name must not be 'module', a keyword of SystemVerilog"),
        ("logic", "name must not be 'logic', a keyword of SystemVerilog"),
        ("double", "name must not be 'double', a keyword of C++"),
        ("clk", "name must not be 'clk', the name of a port, which a module in C++ cannot have too"),
        ("TOP", "name must not be 'TOP', the name of the scope in which Verilator puts a design"),
        ("std", "name must not be 'std', the name of SystemVerilog's own package"),
    ],
)
def test_impossible(name, sentence) -> None:
    with pytest.raises(BackspikeError) as caught:
        NetworkConfig(layers=(4, 2), name=name)
    assert str(caught.value) == sentence


def test_what_is_around_a_network_has_no_possible_name() -> None:
    ports = [*describe_ports(NetworkTop(NetworkConfig(layers=(4, 2)))), "clk", "rst"]
    assert "samples__payload" in ports
    for name in [*ports, DRIVEN]:
        with pytest.raises(BackspikeError):
            check_name(name)

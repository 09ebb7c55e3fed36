"""The register map for others: a compiler reads the header, and ARM's schema and a parser that is not ours the SVD."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import cmsis_svd
import pytest
from lxml import etree

from backspike import PRESETS, NetworkConfig
from backspike.register_files import register_files
from backspike.registers import IDENTITY, Access, RegisterMap, bus_registers

SCHEMA = Path(cmsis_svd.__file__).parent / "schemas" / "CMSIS-SVD_1_3_11.xsd"
DESIGNS = {
    "tiny": (PRESETS["tiny"], {}),
    "tiny_axi": (PRESETS["tiny"], bus_registers(streams=False)),
    "deep_wishbone": (NetworkConfig(layers=(5, 7, 4, 3), lanes=(3, 4, 2)), bus_registers(streams=True)),
}
ALL = pytest.mark.parametrize("name", DESIGNS)


def files(name: str) -> dict[str, str]:
    config, more = DESIGNS[name]
    return register_files(name, config, more)


def registers(name: str):
    config, more = DESIGNS[name]
    return {**RegisterMap(config).registers, **more}


@ALL
@pytest.mark.parametrize("standard", ["c89", "c++17"])
def test_a_compiler_reads_the_header_as_the_map_has_it(name: str, standard: str, tmp_path: Path) -> None:
    compiler = shutil.which("g++" if standard == "c++17" else "cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs a C compiler: apt-get install gcc")
    header = f"{name}_registers.h"
    (tmp_path / header).write_text(files(name)[header])
    macros = re.findall(r"^#define (\w+) +\w", files(name)[header], re.MULTILINE)
    # Included twice, as headers are.
    lines = ["#include <stdio.h>", *2 * [f'#include "{header}"'], "int main(void) {"]
    lines += [f'printf("{macro} %lu\\n", (unsigned long){macro});' for macro in macros]
    source = tmp_path / ("main.cpp" if standard == "c++17" else "main.c")
    source.write_text("\n".join([*lines, "return 0; }\n"]))
    options = [f"-std={standard}", "-Wall", "-Wextra", "-pedantic", "-Werror"]
    subprocess.run([compiler, *options, source, "-o", tmp_path / "main"], check=True)
    printed = subprocess.run([tmp_path / "main"], check=True, capture_output=True, text=True).stdout
    values = {macro: int(value) for macro, value in (line.split() for line in printed.splitlines())}

    config, prefix = DESIGNS[name][0], name.upper()
    expected = {f"{prefix}_{register.name}": 4 * register.address for register in registers(name).values()}
    for register in registers(name).values():
        for field in register.fields:
            expected[f"{prefix}_{register.name}_{field.name}_SHIFT"] = field.offset
            expected[f"{prefix}_{register.name}_{field.name}_MASK"] = sum(
                1 << bit for bit in range(field.offset, field.offset + field.width)
            )
    expected[f"{prefix}_IDENTITY_VALUE"] = IDENTITY
    expected[f"{prefix}_SEMANTICS_VALUE"] = 2
    expected[f"{prefix}_CONFIG_HASH_VALUE"] = int(config.hash[:8], 16)
    expected[f"{prefix}_LAYERS"] = config.depth
    for number, (inputs, units, lanes) in enumerate(
        zip(config.layers, config.layers[1:], config.lanes, strict=False), start=1
    ):
        words = -(-units // lanes) * lanes
        for what, size in {"ROWS": inputs + 1, "UNITS": units, "LANES": lanes, "WORDS": words}.items():
            expected[f"{prefix}_LAYER_{number}_{what}"] = size
    assert values == expected
    assert len(macros) == len(set(macros))


@ALL
def test_the_svd_is_one_by_the_schema(name: str) -> None:
    schema = etree.XMLSchema(etree.parse(str(SCHEMA)))
    schema.assertValid(etree.fromstring(files(name)[f"{name}.svd"].encode()))


@ALL
def test_a_parser_reads_the_svd_as_the_map_has_it(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.svd"
    path.write_text(files(name)[f"{name}.svd"])
    device = cmsis_svd.SVDParser.for_xml_file(str(path)).get_device()
    (peripheral,) = device.peripherals
    found = {register.name: register for register in peripheral.registers}
    assert found.keys() == registers(name).keys()
    kinds = {"read-only": Access.READ, "write-only": Access.WRITE, "read-write": Access.BOTH}
    initial = RegisterMap(DESIGNS[name][0]).initial
    for register in registers(name).values():
        read = found[register.name]
        assert read.address_offset == 4 * register.address, register.name
        assert (read.size, read.description) == (32, register.meaning)
        assert kinds[read.access.value] is register.access
        if register.name in initial:
            assert (read.reset_value, read.reset_mask) == (initial[register.name], 0xFFFF_FFFF)
        fields = [(field.name, field.bit_offset, field.bit_width) for field in read.fields]
        assert fields == [(field.name, field.offset, field.width) for field in register.fields]
    (block,) = peripheral.address_blocks
    assert max(4 * register.address for register in registers(name).values()) < block.size


@ALL
def test_the_table_is_the_map(name: str) -> None:
    rows = re.findall(r"^\| 0x(\w+) \| `(\w+)` \| (\w+) \|", files(name)[f"{name}_registers.md"], re.MULTILINE)
    assert {row[1]: (int(row[0], 16), row[2]) for row in rows} == {
        register.name: (4 * register.address, register.access.value) for register in registers(name).values()
    }


@ALL
def test_no_two_fields_share_a_bit(name: str) -> None:
    for register in registers(name).values():
        bits = [bit for field in register.fields for bit in range(field.offset, field.offset + field.width)]
        assert bits == sorted(set(bits)), register.name
        assert set(bits) <= set(range(32))

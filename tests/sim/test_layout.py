"""Bits read and written by a description alone."""

from __future__ import annotations

import numpy as np
import pytest

from backspike.sim.layout import Layout

NUMBER = {"width": 4, "signed": True}
NESTED = {
    "width": 23,
    "signed": False,
    "fields": {
        "flag": {"offset": 0, "width": 1, "signed": False},
        "parts": {
            "offset": 1,
            "width": 22,
            "signed": False,
            "elements": {
                "count": 2,
                "width": 11,
                "signed": False,
                "fields": {
                    "a": {"offset": 0, "width": 4, "signed": True},
                    "b": {"offset": 4, "width": 7, "signed": False},
                },
            },
        },
    },
}
SEED = 88


def words(layout: Layout, count: int) -> list[int]:
    generator = np.random.default_rng(SEED)
    return [int.from_bytes(generator.bytes(16), "little") % (1 << layout.width) for _ in range(count)]


def bits_of(layout: Layout, values: list[int]) -> np.ndarray:
    return np.array([[value >> bit & 1 for bit in range(layout.width)] for value in values], dtype=np.uint8)


def test_a_value_goes_into_bits_and_back() -> None:
    layout = Layout(NESTED)
    value = {"flag": 1, "parts": [{"a": -8, "b": 127}, {"a": 3, "b": 0}]}
    bits = 1 | (0b1000 | 127 << 4) << 1 | 3 << 12
    assert layout.pack(value) == bits
    assert layout.unpack(bits) == value
    assert layout["parts"]["b"].width == 7


def test_many_words_are_read_as_one_is() -> None:
    layout = Layout(NESTED)
    drawn = words(layout, 50)
    read = layout.read(bits_of(layout, drawn))
    assert (read["parts"]["a"].shape, read["parts"]["a"].dtype, read["parts"]["b"].dtype) == ((50, 2), "i8", "u8")
    for number, word in enumerate(drawn):
        value = layout.unpack(word)
        assert read["flag"][number] == value["flag"]
        assert [int(part) for part in read["parts"]["a"][number]] == [part["a"] for part in value["parts"]]
        assert [int(part) for part in read["parts"]["b"][number]] == [part["b"] for part in value["parts"]]


def test_what_is_written_is_read_and_the_rest_stays() -> None:
    layout = Layout(NESTED)
    bits = bits_of(layout, words(layout, 9))
    before = layout.read(bits)
    fresh = np.arange(-8, 10).clip(-8, 7).reshape(9, 2)
    layout.write(bits, {"parts": {"a": fresh}})
    after = layout.read(bits)
    assert np.array_equal(after["parts"]["a"], fresh)
    assert np.array_equal(after["parts"]["b"], before["parts"]["b"])
    assert np.array_equal(after["flag"], before["flag"])


@pytest.mark.parametrize("width", [1, 7, 8, 33, 63, 64])
@pytest.mark.parametrize("signed", [False, True])
def test_numbers_of_any_width(width: int, signed: bool) -> None:
    layout = Layout({"width": width, "signed": signed})
    drawn = [0, 1, (1 << width) - 1, 1 << width - 1, *words(layout, 20)]
    bits = bits_of(layout, [word % (1 << width) for word in drawn])
    read = layout.read(bits)
    assert [int(value) for value in read] == [layout.unpack(word) for word in drawn]
    written = np.ones_like(bits)
    layout.write(written, read)
    assert np.array_equal(written, bits)


def test_a_number_of_no_bits_is_zero() -> None:
    layout = Layout({"width": 0, "signed": False})
    assert layout.read(np.zeros((3, 0), dtype=np.uint8)).tolist() == [0, 0, 0]
    assert (layout.pack(0), layout.unpack(5)) == (0, 0)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"flag": 2, "parts": []}, "flag must be from 0 to 1, not 2"),
        ({"flag": 0, "parts": [{"a": 8, "b": 0}] * 2}, "a must be from -8 to 7, not 8"),
        ({"flag": 0, "parts": [{"a": 0, "b": 0}]}, r"parts must be a sequence of 2 values, not \[\{"),
        ({"flag": 0, "parts": [3, 4]}, r"a parts\[0\] must give the fields a, b, not 3"),
        ({"flag": 0, "parts": 5}, "parts must be a sequence of 2 values, not 5"),
        ({"flag": 0}, "a payload must give the fields flag, parts, not "),
        (7, "a payload must give the fields flag, parts, not 7"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(value, sentence) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}"):
        Layout(NESTED).pack(value)

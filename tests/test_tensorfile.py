"""A tensor file gives back every bit, or says that it cannot."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from conftest import stop_at, tiny
from fairtrial.runner import run
from fairtrial.spec.errors import DamagedFile, NewerVersion
from fairtrial.spec.tensorfile import pack, unpack
from fairtrial.store import BEST, MemoryStore, generations
from fairtrial.train.state import read_state


def small_files() -> dict[str, bytes]:
    """The state and the best weights of a real run."""
    store = MemoryStore()
    recipe = tiny(model="avg-pool 4, flatten, linear 4, norm, act, linear classes", save_every=1)
    name = run(recipe, store, watch=stop_at(8)).name
    return {"state": store.get(name, generations(store, name)[0]) or b"", "best": store.get(name, BEST) or b""}


@pytest.mark.row("S5")
def test_each_flipped_bit_of_a_state_and_of_best_weights_is_found() -> None:
    for data in small_files().values():
        damaged, missed = bytearray(data), []
        unpack(data, "whole")
        for bit in range(8 * len(data)):
            damaged[bit // 8] ^= 1 << bit % 8
            try:
                unpack(bytes(damaged), "here")
                missed.append(bit)
            except DamagedFile:
                pass
            damaged[bit // 8] ^= 1 << bit % 8
        assert not missed


@pytest.mark.row("S4")
def test_a_file_cut_at_any_byte_is_found() -> None:
    for data in small_files().values():
        for end in range(len(data)):
            with pytest.raises(DamagedFile, match="here"):
                unpack(data[:end], "here")
        with pytest.raises(DamagedFile):
            unpack(data + b"\0", "longer")


def test_equal_content_has_equal_bytes_whatever_the_order() -> None:
    one, two = np.arange(3.0), np.ones((2, 2), np.float32)
    packed = {pack({"a": one, "b": two}, {"x": 1, "y": [2]}) for _ in range(50)}
    packed |= {pack({"b": two, "a": one}, {"y": [2], "x": 1}) for _ in range(50)}
    assert len(packed) == 1


def test_it_is_a_safetensors_file_that_others_can_read() -> None:
    values = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
    assert np.array_equal(load(pack({"layer.weight": values}, {}))["layer.weight"], values)


@given(
    tensors=st.dictionaries(
        st.text(min_size=1, max_size=20).filter(lambda name: name != "__metadata__"),
        st.lists(st.floats(width=32), max_size=5),
        max_size=4,
    ),
    note=st.text(max_size=30),
)
@settings(max_examples=60, deadline=None)
def test_any_names_numbers_and_notes_come_back(tensors: dict[str, list[float]], note: str) -> None:
    arrays = {name: np.array(values, np.float32) for name, values in tensors.items()}
    back, meta = unpack(pack(arrays, {"note": note}), "here")
    assert meta == {"note": note}
    assert back.keys() == arrays.keys()
    assert all(back[name].tobytes() == arrays[name].tobytes() for name in arrays)


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
@pytest.mark.row("X1")
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(DamagedFile):
        unpack(data, "here")


def test_a_foreign_safetensors_file_is_refused() -> None:
    with pytest.raises(DamagedFile, match="here"):
        unpack(save({"a": np.zeros(2)}, {"format": "pt"}), "here")


def test_a_state_of_another_schema_is_refused_by_its_number_and_a_later_one_by_its_version() -> None:
    data = [pack({"net/w": np.zeros(2)}, {"schema": n, "fairtrial": "9.1.0", "step": 1, "events": 0}) for n in (0, 99)]
    with pytest.raises(DamagedFile, match=r"schema is 0.*reads 1"):
        read_state(data[0], "state-1.safetensors")
    with pytest.raises(NewerVersion, match=r"state-1.*\nneeds version >= 9\.1\.0"):
        read_state(data[1], "state-1.safetensors")


@pytest.mark.row("X1")
def test_a_header_that_promises_more_than_there_is_allocates_nothing() -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}).encode()
    with pytest.raises(DamagedFile):
        unpack(len(header).to_bytes(8, "little") + header, "here")

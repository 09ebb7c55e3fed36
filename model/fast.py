"""The fast engine: the golden model's tick as compiled loops, for whole datasets, bit for bit what `Network` computes.

It is an engine and no second model: it takes the state out of a `Network`, shows samples, and puts the state back, so
that both may take turns on one network. `docs/semantics.md` and the other files of this folder say what is computed
and why; this one only says it in the order that a processor likes. Compiled by Numba at first use (about 10 s, kept
in Numba's cache).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backspike.config import GUMBEL_BITS, PERMISSION_BITS, PIXEL_BITS

from .compiled import compiled
from .lfsr import POLYNOMIALS
from .network import Network
from .state import NetworkState
from .strata import ROUND_DIRECTIONS, TICK_DIRECTIONS, offsets
from .wta import gumbel_table

__all__ = ["run_samples"]

_STRATA = np.stack(
    [offsets(np.arange(1 << PIXEL_BITS), directions) for directions in (TICK_DIRECTIONS, ROUND_DIRECTIONS)]
)
"""Offsets of stratified draws, of each tick and each round of a list, shape (2, 256)."""


class _Hidden(NamedTuple):
    """What is stored of the hidden units: of each field the arrays of all layers, flags as 0 and 1."""

    random: Any
    membrane: Any
    spike: Any
    gate: Any
    permit: Any
    dropped: Any
    error_pos: Any
    error_neg: Any


class _Output(NamedTuple):
    """What is stored of the output units; flags as 0 and 1."""

    random: Any
    membrane: Any
    error_pos: Any
    error_neg: Any
    winner: Any


def run_samples(
    network: Network,
    values: NDArray[np.uint8],
    labels: NDArray[np.int64],
    order: NDArray[np.int64],
    learn: bool,
) -> NDArray[np.int64]:
    """Show samples one after the other, as `Network.run` does with each of them.

    Parameters
    ----------
    network : Network
        All of its state moves on: weights, LFSRs, registers, counters.
    values : uint8 array, shape (samples, n_0), or (samples, T, n_0) for recorded spikes
    labels : int64 array, shape (samples,)
    order : int64 array, shape (shown,)
        Indices of the samples to show.
    learn : bool
        Whether the network learns from them.

    Returns
    -------
    int64 array, shape (shown, n_L)
        Wins of each class for each sample shown.

    Raises
    ------
    BackspikeError
        `Network.check` refuses samples, labels, order or the network's state.
    """
    config = network.config
    network.check(values, labels, order)
    state, counters = NetworkState.of(network), network.counters
    weights = tuple(matrix.astype(np.int16) for matrix in state.weights)
    # A tuple must not be empty to have a type; a network without hidden units never looks at this one.
    nothing: list[NDArray[Any]] = [np.zeros(1, np.uint64), np.zeros(1, np.int64), *[np.zeros(1, np.uint8)] * 6]
    hidden = [_views(state, _Hidden, layer) for layer in range(1, config.depth)] or [nothing]
    counts = np.array([counters.samples, counters.ticks, counters.error_ticks], dtype=np.int64)
    wins = np.zeros((len(order), config.layers[-1]), dtype=np.int64)
    _show(
        # Compiled once, whatever integers and strides come.
        np.ascontiguousarray(values).reshape(-1, 1 if config.input == "rate" else config.ticks, config.layers[0]),
        np.ascontiguousarray(labels, dtype=np.int64),
        np.ascontiguousarray(order, dtype=np.int64),
        learn,
        config.input == "rate",
        _STRATA if config.input_draws == "stratified" else np.zeros((2, 0), dtype=np.uint64),
        np.array([config.ticks, config.leak, config.activation_bits, config.error_bits, config.patience_for(learn)]),
        np.array([config.weight_min, config.weight_max]),
        np.array([config.lfsr_bits, *POLYNOMIALS[config.lfsr_bits]], dtype=np.uint64),
        np.array(network.rates, dtype=np.int64),
        np.array([*config.dropout, 0]),
        gumbel_table(config.weight_frac, config.temperature),
        weights,
        state["random_0"],
        tuple(state[f"bias_{layer.number}"] for layer in config.weight_layers),
        _Hidden(*zip(*hidden, strict=True)),
        _Output(*_views(state, _Output, config.depth)),
        wins,
        counts,
        counters.rows,
        counters.writes,
    )
    counters.samples, counters.ticks, counters.error_ticks = (int(count) for count in counts)
    state.update(NetworkState.of_weights(config, weights))
    state.put_into(network)
    return wins


def _views(state: NetworkState, part: type[_Hidden] | type[_Output], layer: int) -> list[NDArray[Any]]:
    """Return the arrays of a part, to be worked on in place; flags as bytes, which loops add up."""
    arrays = [state[f"{name}_{layer}"] for name in part._fields]
    return [array.view(np.uint8) if array.dtype == np.bool_ else array for array in arrays]


@compiled
def _leap(states: Any, steps: int, lfsr: Any) -> None:
    """Leap every state; `lfsr` is the width and the four exponents, the last of them 0."""
    width, e0, e1, e2 = lfsr[0], lfsr[1], lfsr[2], lfsr[3]
    block = width - e0
    one = np.uint64(1)
    for i in range(len(states)):
        if states[i] == 0:
            states[i] = one
    left = np.uint64(steps)
    while left > 0:
        count = min(left, block)
        mask, top = (one << count) - one, width - count
        for i in range(len(states)):
            x = states[i]
            states[i] = (x >> count) | ((((x >> e0) ^ (x >> e1) ^ (x >> e2) ^ x) & mask) << top)
        left -= count


@compiled
def _list_set(values: Any, listed: Any) -> int:
    """Write the places of all values that are not zero to `listed`; return how many there are."""
    count = 0
    for j in range(len(values)):
        listed[count] = j
        count += values[j] != 0
    return count


@compiled
def _draw_inputs(
    values: Any,
    listed: Any,
    count: int,
    rated: bool,
    rate: int,
    states: Any,
    lfsr: Any,
    strata: Any,
    phases: Any,
    tick: int,
    rows: Any,
    permitted: Any,
) -> tuple[int, int]:
    """Draw the spikes of the first layer's inputs; return the number of spiking and of permitted rows.

    Draws are stratified if there are `strata`; `phases`, of each LFSR, are those of the sample, from its first tick on.
    """
    spiking = learning = 0
    lfsrs, stratified = len(states), strata.shape[1] > 0
    if stratified and tick == 0:
        phases[:] = states
    for start in range(0, count, lfsrs):
        end = min(start + lfsrs, count)
        for p in range(start, end):
            draw = states[p - start]
            number = draw
            if stratified:
                number = phases[p - start] ^ strata[0, tick & 0xFF] ^ strata[1, (start // lfsrs) & 0xFF]
            spike = not rated or (number & np.uint64(0xFF)) < values[listed[p]]
            permit = spike and ((draw >> np.uint64(PIXEL_BITS)) & np.uint64(0xFF)) < np.uint64(rate)
            rows[spiking] = permitted[learning] = listed[p]
            spiking += spike
            learning += permit
        _leap(states[: end - start], PIXEL_BITS + PERMISSION_BITS, lfsr)
    return spiking, learning


@compiled
def _list_units(spike: Any, permit: Any, rows: Any, permitted: Any) -> tuple[int, int]:
    """List the units that spike, and those of them that permit learning; return the number of each."""
    spiking = learning = 0
    for j in range(len(spike)):
        rows[spiking] = permitted[learning] = j
        spiking += spike[j]
        learning += spike[j] & permit[j]
    return spiking, learning


@compiled
def _forward(weights: Any, rows: Any, count: int, drive: Any) -> None:
    """Sum the spiking rows, four at a time to spare the trips of the sums to memory and back."""
    drive[:] = 0
    whole = count - count % 4
    for n in range(0, whole, 4):
        first, second, third, fourth = (
            weights[rows[n]],
            weights[rows[n + 1]],
            weights[rows[n + 2]],
            weights[rows[n + 3]],
        )
        for i in range(len(drive)):
            drive[i] += np.int32(first[i]) + np.int32(second[i]) + np.int32(third[i]) + np.int32(fourth[i])
    for n in range(whole, count):
        row = weights[rows[n]]
        for i in range(len(drive)):
            drive[i] += row[i]


@compiled
def _backward(weights: Any, error: Any, listed: Any, errors: int, spike: Any, gate: Any, back: Any) -> int:
    """Sum the errors of the units below whose gate is open; return the rows that are visited, with the bias row."""
    visited = 1
    for j in range(len(spike)):
        visited += spike[j] | gate[j]
        if gate[j]:
            total = 0
            for m in range(errors):
                i = listed[m]
                total += weights[j, i] * error[i]
            back[j] = total
    return visited


@compiled
def _update(weights: Any, rows: Any, count: int, error: Any, listed: Any, errors: int, bounds: Any) -> None:
    """Move the weights where permitted rows meet error spikes, saturating."""
    for n in range(count):
        row = weights[rows[n]]
        for m in range(errors):
            i = listed[m]
            row[i] = min(max(row[i] + error[i], bounds[0]), bounds[1])


@compiled
def _integrate(membrane: Any, drive: Any, first: bool, leak: int) -> None:
    for i in range(len(drive)):
        target = np.int64(drive[i]) << leak
        membrane[i] = target if first else membrane[i] + ((target - membrane[i]) >> leak)


@compiled
def _part_signs(error: Any, pos: Any, neg: Any) -> None:
    """Write which error spikes are positive and which are negative."""
    for i in range(len(pos)):
        pos[i], neg[i] = error[i] > 0, error[i] < 0


@compiled
def _composite(
    states: Any,
    membrane: Any,
    spike: Any,
    gate: Any,
    permit: Any,
    dropped: Any,
    error: Any,
    back: Any,
    met: bool,
    draw_dropped: bool,
    dropout: int,
    rate: int,
    numbers: Any,
) -> None:
    """Move the registers of hidden units; `met` says whether there is an error, `back` the error of each unit."""
    leak, a, b = numbers[1], np.uint64(numbers[2]), np.uint64(numbers[3])
    one = np.uint64(1)
    forward, backward, permission = (one << a) - one, (one << b) - one, (one << np.uint64(PERMISSION_BITS)) - one
    if met:
        for i in range(len(error)):
            rho = np.int64((states[i] >> a) & backward)
            error[i] = gate[i] * ((back[i] > rho) - (-back[i] > rho))
    else:
        error[:] = 0
    for i in range(len(error)):
        rho = np.int64(states[i] & forward)
        draw = np.int64((states[i] >> (a + b)) & permission)
        potential = membrane[i] >> leak
        if draw_dropped:
            dropped[i] = draw < dropout
        alive = np.uint8(1) - dropped[i]
        spike[i] = alive & (potential > rho)
        gate[i] = alive & (potential > 0) & (potential <= np.int64(forward))
        permit[i] = draw < rate


@compiled
def _race(states: Any, membrane: Any, noise: Any, leak: int) -> int:
    """Return the output unit with the highest potential, noise included; of equals the first."""
    winner, best = 0, np.int64(0)
    for k in range(len(membrane)):
        draw = states[k] & np.uint64((1 << GUMBEL_BITS) - 1)
        total = (membrane[k] >> leak) + noise[np.int64(draw)]
        if k == 0 or total > best:
            best, winner = total, k
    return winner


@compiled
def _show(
    values: Any,
    labels: Any,
    order: Any,
    learn: bool,
    rated: bool,
    strata: Any,
    numbers: Any,
    bounds: Any,
    lfsr: Any,
    rates: Any,
    dropout: Any,
    noise: Any,
    weights: Any,
    input_states: Any,
    bias_states: Any,
    hidden: Any,
    output: Any,
    wins: Any,
    counts: Any,
    rows_visited: Any,
    rows_written: Any,
) -> None:
    """Show the samples, all arrays in place."""
    ticks, leak, a, b, patience = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
    depth = len(weights)
    # The layer of the classes, and how many are hidden, layers being numbered from 0 here.
    classes = depth - 1
    widest = 0
    for layer in range(depth):
        widest = max(widest, weights[layer].shape[0], weights[layer].shape[1])
    listed, rows = np.empty(widest + 1, np.int64), np.empty(widest + 1, np.int64)
    permitted, erring = np.empty(widest + 1, np.int64), np.empty(widest + 1, np.int64)
    drives, backs = np.zeros((depth, widest), np.int32), np.zeros((depth, widest), np.int32)
    met = np.zeros(depth, np.bool_)
    # Error spikes with their sign, of each layer.
    errors = np.zeros((depth, widest), np.int8)
    phases = np.zeros(len(input_states), np.uint64)
    winner = 0
    for shown in range(len(order)):
        sample, label = values[order[shown]], labels[order[shown]]
        errors[:] = 0
        for layer in range(classes):
            for flags in (hidden.spike[layer], hidden.gate[layer], hidden.permit[layer], hidden.dropped[layer]):
                flags[:] = 0
        streak, ending = 0, False
        count = 0
        for tick in range(ticks):
            if tick == 0 or not rated:
                pixels = sample[0 if rated else tick]
                count = _list_set(pixels, listed)
            active = min(depth, tick + 1)
            any_error = False
            met[:] = False

            # Sweep: all layers work on what was registered before this tick.
            for layer in range(active):
                own = weights[layer]
                bias, below = own.shape[0] - 1, layer - 1
                if layer == 0:
                    spiking, learning = _draw_inputs(
                        pixels, listed, count, rated, rates[0], input_states, lfsr, strata, phases, tick, rows,
                        permitted,
                    )  # fmt: skip
                else:
                    spiking, learning = _list_units(hidden.spike[below], hidden.permit[below], rows, permitted)
                rows[spiking] = permitted[learning] = bias
                spiking += 1
                learning += (bias_states[layer][0] & np.uint64((1 << PERMISSION_BITS) - 1)) < np.uint64(rates[layer])
                _leap(bias_states[layer], PERMISSION_BITS, lfsr)
                _forward(own, rows, spiking, drives[layer, : own.shape[1]])
                visited = spiking
                error = errors[layer, : own.shape[1]]
                erring_count = _list_set(error, erring)
                met[layer] = erring_count > 0
                if erring_count:
                    any_error = True
                    if layer > 0:
                        spike, gate = hidden.spike[below], hidden.gate[below]
                        visited = _backward(own, error, erring, erring_count, spike, gate, backs[below])
                    _update(own, permitted, learning, error, erring, erring_count, bounds)
                    rows_written[layer] += learning
                rows_visited[layer] += visited

            # Neurons: all registers move.
            for layer in range(min(active, classes)):
                membrane, first = hidden.membrane[layer], tick == layer
                _integrate(membrane, drives[layer, : len(membrane)], first, leak)
                _composite(
                    hidden.random[layer], membrane, hidden.spike[layer], hidden.gate[layer], hidden.permit[layer],
                    hidden.dropped[layer], errors[layer, : len(membrane)], backs[layer], met[layer + 1],
                    first or not learn, dropout[layer], rates[layer + 1], numbers,
                )  # fmt: skip
                _leap(hidden.random[layer], a + b + PERMISSION_BITS, lfsr)
            if active == depth:
                membrane, states = output.membrane, output.random
                _integrate(membrane, drives[classes, : len(membrane)], tick == classes, leak)
                last, winner = winner, _race(states, membrane, noise, leak)
                _leap(states, GUMBEL_BITS, lfsr)
                errors[classes, :] = 0
                if learn and winner != label:
                    errors[classes, label], errors[classes, winner] = 1, -1
                wins[shown, winner] += 1
                streak = streak + 1 if winner == (label if learn else last) else int(not learn)
            counts[1] += 1
            counts[2] += any_error
            if ending:
                break
            ending = streak == patience > 0
        counts[0] += 1
    if len(order):
        output.winner[()] = winner
        _part_signs(errors[classes], output.error_pos, output.error_neg)
        for layer in range(classes):
            _part_signs(errors[layer], hidden.error_pos[layer], hidden.error_neg[layer])

"""The fast engine: the golden model's tick as compiled loops, for whole datasets, bit for bit what `Network` computes.

It is an engine and no second model: it takes the state out of a `Network`, shows samples, and puts the state back, so
that both may take turns on one network. `docs/semantics.md` and the other files of this folder say what is computed
and why; this one only says it in the order that a processor likes. Compiled by Numba at first use (about 10 s, kept
in Numba's cache).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from backspike.config import GUMBEL_BITS, PERMISSION_BITS, PIXEL_BITS

from .compiled import compiled
from .lfsr import POLYNOMIALS
from .network import Network
from .wta import gumbel_table

__all__ = ["run_samples"]


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
        All of its state moves on: weights, random streams, registers, counters.
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
    hidden, output, counters = network.hidden, network.output, network.counters
    weights = tuple(array.weights.astype(np.int16) for array in network.synapses)
    bias_states = np.concatenate([array.bias_state for array in network.synapses])
    membranes = tuple(units.membrane.astype(np.int64) for units in network.units)
    flags = tuple(np.stack([u.spike, u.gate, u.permit, u.dropped]).astype(np.uint8) for u in hidden)
    errors = tuple(u.error_pos.astype(np.int8) - u.error_neg for u in network.units)
    counts = np.array([counters.samples, counters.ticks, counters.error_ticks], dtype=np.int64)
    wins = np.zeros((len(order), config.layers[-1]), dtype=np.int64)
    winner = _show(
        # Compiled once, whatever integers and strides come.
        np.ascontiguousarray(values).reshape(-1, 1 if config.input == "rate" else config.ticks, config.layers[0]),
        np.ascontiguousarray(labels, dtype=np.int64),
        np.ascontiguousarray(order, dtype=np.int64),
        learn,
        config.input == "rate",
        np.array([config.ticks, config.leak, config.activation_bits, config.error_bits, config.patience_for(learn)]),
        np.array([config.weight_min, config.weight_max]),
        np.array([config.lfsr_bits, *POLYNOMIALS[config.lfsr_bits]], dtype=np.uint64),
        np.array(network.rates, dtype=np.int64),
        np.array([*config.dropout, 0]),
        gumbel_table(config.weight_frac, config.temperature),
        weights,
        network.generator.states,
        bias_states,
        tuple(units.states for units in network.units),
        membranes,
        # A tuple must not be empty to have a type; a network without hidden units never looks at this one.
        flags or (np.zeros((4, 1), dtype=np.uint8),),
        errors,
        wins,
        counts,
        counters.rows,
        counters.writes,
    )
    counters.samples, counters.ticks, counters.error_ticks = (int(count) for count in counts)
    for index, (array, units) in enumerate(zip(network.synapses, network.units, strict=True)):
        array.weights = weights[index].astype(np.int64)
        array.bias_state = bias_states[[index]]
        units.membrane = membranes[index]
        units.error_pos, units.error_neg = errors[index] > 0, errors[index] < 0
    for units, own in zip(hidden, flags, strict=True):
        units.spike, units.gate, units.permit, units.dropped = own.astype(np.bool_)
    if len(order):
        output.winner = int(winner)
    return wins


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
    values: Any, listed: Any, count: int, rated: bool, rate: int, states: Any, lfsr: Any, rows: Any, permitted: Any
) -> tuple[int, int]:
    """Draw the spikes of the first layer's inputs; return the number of spiking and of permitted rows."""
    spiking = learning = 0
    streams = len(states)
    for start in range(0, count, streams):
        end = min(start + streams, count)
        for p in range(start, end):
            draw = states[p - start]
            spike = not rated or (draw & np.uint64(0xFF)) < values[listed[p]]
            permit = spike and ((draw >> np.uint64(PIXEL_BITS)) & np.uint64(0xFF)) < np.uint64(rate)
            rows[spiking] = permitted[learning] = listed[p]
            spiking += spike
            learning += permit
        _leap(states[: end - start], PIXEL_BITS + PERMISSION_BITS, lfsr)
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
def _composite(
    states: Any,
    membrane: Any,
    flags: Any,
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
    spike, gate, permit, dropped = flags[0], flags[1], flags[2], flags[3]
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
def _show(
    values: Any,
    labels: Any,
    order: Any,
    learn: bool,
    rated: bool,
    numbers: Any,
    bounds: Any,
    lfsr: Any,
    rates: Any,
    dropout: Any,
    noise: Any,
    weights: Any,
    input_states: Any,
    bias_states: Any,
    unit_states: Any,
    membranes: Any,
    flags: Any,
    errors: Any,
    wins: Any,
    counts: Any,
    rows_visited: Any,
    rows_written: Any,
) -> int:
    """Show the samples, all arrays in place; return the last winner."""
    ticks, leak, a, b, patience = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
    depth = len(weights)
    widest = 0
    for layer in range(depth):
        widest = max(widest, weights[layer].shape[0], weights[layer].shape[1])
    listed, rows, permitted, erring = (
        np.empty(widest + 1, np.int64),
        np.empty(widest + 1, np.int64),
        np.empty(widest + 1, np.int64),
        np.empty(widest + 1, np.int64),
    )
    drives, backs = np.zeros((depth, widest), np.int32), np.zeros((depth, widest), np.int32)
    met = np.zeros(depth, np.bool_)
    winner = 0
    for shown in range(len(order)):
        sample, label = values[order[shown]], labels[order[shown]]
        for layer in range(depth):
            errors[layer][:] = 0
        for layer in range(depth - 1):
            flags[layer][:] = 0
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
                bias = own.shape[0] - 1
                spiking = learning = 0
                if layer == 0:
                    spiking, learning = _draw_inputs(
                        pixels, listed, count, rated, rates[0], input_states, lfsr, rows, permitted
                    )
                else:
                    before = flags[layer - 1]
                    for j in range(bias):
                        rows[spiking] = permitted[learning] = j
                        spiking += before[0, j]
                        learning += before[0, j] & before[2, j]
                rows[spiking] = permitted[learning] = bias
                spiking += 1
                learning += (bias_states[layer] & np.uint64((1 << PERMISSION_BITS) - 1)) < np.uint64(rates[layer])
                _leap(bias_states[layer : layer + 1], PERMISSION_BITS, lfsr)
                _forward(own, rows, spiking, drives[layer, : own.shape[1]])
                visited = spiking
                erring_count = _list_set(errors[layer], erring)
                met[layer] = erring_count > 0
                if erring_count:
                    any_error = True
                    if layer > 0:
                        before = flags[layer - 1]
                        visited = 1
                        for j in range(bias):
                            visited += before[0, j] | before[1, j]
                            if before[1, j]:
                                total = 0
                                for m in range(erring_count):
                                    i = erring[m]
                                    total += own[j, i] * errors[layer][i]
                                backs[layer - 1, j] = total
                    _update(own, permitted, learning, errors[layer], erring, erring_count, bounds)
                    rows_written[layer] += learning
                rows_visited[layer] += visited

            # Neurons: all registers move.
            for layer in range(active):
                first = tick == layer
                membrane, states = membranes[layer], unit_states[layer]
                _integrate(membrane, drives[layer, : len(membrane)], first, leak)
                if layer < depth - 1:
                    _composite(
                        states,
                        membrane,
                        flags[layer],
                        errors[layer],
                        backs[layer],
                        met[layer + 1],
                        first or not learn,
                        dropout[layer],
                        rates[layer + 1],
                        numbers,
                    )
                    _leap(states, a + b + PERMISSION_BITS, lfsr)
                else:
                    best = np.int64(0)
                    last = winner
                    for k in range(len(membrane)):
                        draw = states[k] & np.uint64((1 << GUMBEL_BITS) - 1)
                        total = (membrane[k] >> leak) + noise[np.int64(draw)]
                        if k == 0 or total > best:
                            best, winner = total, k
                    _leap(states, GUMBEL_BITS, lfsr)
                    errors[layer][:] = 0
                    if learn and winner != label:
                        errors[layer][label], errors[layer][winner] = 1, -1
                    wins[shown, winner] += 1
                    streak = streak + 1 if winner == (label if learn else last) else int(not learn)
            counts[1] += 1
            counts[2] += any_error
            if ending:
                break
            ending = streak == patience > 0
        counts[0] += 1
    return winner

"""The layers again, by plain float64 loops over numpy arrays: one number at a time, nothing shared with ``dnrlab``."""

import math

import numpy as np


def sigmoid(value):
    return 1 / (1 + math.exp(-value))


def linear(weight, bias, vector):
    return [sum(weight[i][j] * vector[j] for j in range(len(vector))) + bias[i] for i in range(len(bias))]


def mlp(parameters, vector):
    """``parameters``: the two (weight, bias) pairs of a bottleneck."""
    (weight1, bias1), (weight2, bias2) = parameters
    return linear(weight2, bias2, [max(value, 0.0) for value in linear(weight1, bias1, vector)])


def lstm_step(cell_parameters, pooled, state):
    """One step for one clip. ``cell_parameters``: bottlenecks A (input) and B (hidden); state: (hidden, cell) lists."""
    hidden, cell = state
    from_input, from_hidden = mlp(cell_parameters["A"], pooled), mlp(cell_parameters["B"], hidden)
    return gated([a + b for a, b in zip(from_input, from_hidden, strict=True)], cell)


def gated(gates, cell):
    """New hidden and cell state from the four gates."""
    channels = len(cell)
    new_hidden, new_cell = [], []
    for k in range(channels):
        i, f, g, o = (gates[part * channels + k] for part in range(4))
        new_cell.append(sigmoid(f) * cell[k] + sigmoid(i) * math.tanh(g))
        new_hidden.append(sigmoid(o) * sigmoid(new_cell[k]))
    return new_hidden, new_cell


def stack_step(cell_parameters, pooled, states):
    """One step of cells on top of one another; ``states``: a (hidden, cell) a cell, the first from bottlenecks."""
    new = [lstm_step(cell_parameters, pooled, states[0])]
    for parameters, (hidden, cell) in zip(cell_parameters["deeper"], states[1:], strict=True):
        gates = [
            a + b for a, b in zip(linear(*parameters["A"], new[-1][0]), linear(*parameters["B"], hidden), strict=True)
        ]
        new.append(gated(gates, cell))
    return new


def frame_groups(num_frames, relay_distance):
    groups, frame = [], 0
    while frame < num_frames:
        groups.append(list(range(frame, min(frame + relay_distance, num_frames))))
        frame += relay_distance
    return groups


def pool(x, clip, frames):
    """Mean of every channel of a clip over some frames and space."""
    return [float(np.mean([x[clip, channel, t] for t in frames])) for channel in range(x.shape[1])]


def group_statistics(x, frames):
    """Mean and biased variance of every channel over clips, some frames and space, by two plain loops."""
    means, variances = [], []
    for channel in range(x.shape[1]):
        values = [v for clip in range(x.shape[0]) for t in frames for v in x[clip, channel, t].ravel()]
        mean = sum(values) / len(values)
        means.append(mean)
        variances.append(sum((v - mean) ** 2 for v in values) / len(values))
    return means, variances, len(values)


def clip_statistics(x, clip, frames, parts):
    """Mean and biased variance of every channel of a clip, over some frames and the channels of its part."""
    size, means, variances = x.shape[1] // parts, [], []
    for channel in range(x.shape[1]):
        part = range(channel // size * size, (channel // size + 1) * size)
        values = [v for other in part for t in frames for v in x[clip, other, t].ravel()]
        mean = sum(values) / len(values)
        means.append(mean)
        variances.append(sum((v - mean) ** 2 for v in values) / len(values))
    return means, variances


def normalize_clips(x, groups, affine, *, parts, whole, eps=1e-5):
    """Standardize each group of each clip by itself, or by the statistics of the ``whole`` clip. Returns y."""
    y = np.empty_like(x)
    for clip in range(x.shape[0]):
        for group, frames in enumerate(groups):
            mean, variance = clip_statistics(x, clip, range(x.shape[2]) if whole else frames, parts)
            gamma, beta = affine[group][clip]
            for channel in range(x.shape[1]):
                for t in frames:
                    standard = (x[clip, channel, t] - mean[channel]) / math.sqrt(variance[channel] + eps)
                    y[clip, channel, t] = gamma[channel] * standard + beta[channel]
    return y


def normalize_whole(x, groups, affine, running, *, training, eps=1e-5, momentum=0.1):
    """As ``normalize_groups``, with the statistics of all frames and one update."""
    frames = range(x.shape[2])
    mean, variance = running
    if training:
        mean, variance, _ = group_statistics(x, frames)
        _, *running = normalize_groups(
            x, [list(frames)], [affine[0]], running, training=True, eps=eps, momentum=momentum
        )
    y, _, _ = normalize_groups(x, groups, affine, (mean, variance), training=False, eps=eps)
    return y, *(np.array(each) for each in running)


def normalize_groups(x, groups, affine, running, *, training, eps=1e-5, momentum=0.1):
    """Standardize each group, apply ``affine[group][clip]`` = (gamma, beta) lists. Returns y, running mean and var."""
    running_mean, running_var = list(running[0]), list(running[1])
    y = np.empty_like(x)
    for group, frames in enumerate(groups):
        mean, variance = running_mean, running_var
        if training:
            mean, variance, count = group_statistics(x, frames)
            for channel in range(x.shape[1]):
                unbiased = variance[channel] * count / (count - 1)
                running_mean[channel] = (1 - momentum) * running_mean[channel] + momentum * mean[channel]
                running_var[channel] = (1 - momentum) * running_var[channel] + momentum * unbiased
        for clip in range(x.shape[0]):
            gamma, beta = affine[group][clip]
            for channel in range(x.shape[1]):
                for t in frames:
                    standard = (x[clip, channel, t] - mean[channel]) / math.sqrt(variance[channel] + eps)
                    y[clip, channel, t] = gamma[channel] * standard + beta[channel]
    return y, np.array(running_mean), np.array(running_var)


def zero_states(clips, channels, cell_parameters):
    depth = 1 + len(cell_parameters["deeper"])
    return [[([0.0] * channels, [0.0] * channels) for _ in range(depth)] for _ in range(clips)]


def relay_over(x, cell_parameters, groups):
    """(gamma, beta) of every group and clip, relayed in the order of ``groups``."""
    states, affine = zero_states(x.shape[0], x.shape[1], cell_parameters), []
    for frames in groups:
        states = [stack_step(cell_parameters, pool(x, clip, frames), states[clip]) for clip in range(x.shape[0])]
        affine.append([state[-1] for state in states])
    return affine


def relay_both_ways(x, cell_parameters, backward, groups):
    """(gamma, beta) of every group and clip: the mean of the two directions, or the first alone."""
    affine = relay_over(x, cell_parameters, groups)
    if backward is None:
        return affine
    back = relay_over(x, backward, groups[::-1])[::-1]
    return [[mean_of(a, b) for a, b in zip(*pair, strict=True)] for pair in zip(affine, back, strict=True)]


def mean_of(first, second):
    return tuple([(a + b) / 2 for a, b in zip(*pair, strict=True)] for pair in zip(first, second, strict=True))


PARTS = {
    "group": lambda channels: 32 if channels >= 64 else channels // 2,
    "instance": lambda channels: channels,
    "layer": lambda _: 1,
}


def normalize(x, groups, affine, running, *, training, standardization="batch", statistics="group"):
    """y, and the running statistics, which only ``batch`` has."""
    if standardization != "batch":
        parts = PARTS[standardization](x.shape[1])
        return normalize_clips(x, groups, affine, parts=parts, whole=statistics == "clip"), None, None
    function = normalize_whole if statistics == "clip" else normalize_groups
    return function(x, groups, affine, running, training=training)


def cross_temporal(x, cell_parameters, running, *, relay_distance, training, backward=None, **options):
    """Cross-temporal DNR of (N, C, T, H, W). Returns y and the running statistics after it.

    ``backward``: the cell that relays from the last group to the first, if any.
    """
    groups = frame_groups(x.shape[2], relay_distance)
    affine = relay_both_ways(x, cell_parameters, backward, groups)
    return normalize(x, groups, affine, running, training=training, **options)


def cross_layer(xs, cell_parameters, runnings, *, training, **options):
    """Cross-layer DNR of the blocks' features ``xs``, one cell for all. Returns a (y, mean, var) a block."""
    states = zero_states(xs[0].shape[0], xs[0].shape[1], cell_parameters)
    results = []
    for x, running in zip(xs, runnings, strict=True):
        frames = list(range(x.shape[2]))
        states = [stack_step(cell_parameters, pool(x, clip, frames), states[clip]) for clip in range(x.shape[0])]
        affine = [[state[-1] for state in states]]
        results.append(normalize(x, [frames], affine, running, training=training, **options))
    return results


def cross_layer_temporal(xs, layer_cell, temporal_cells, runnings, *, relay_distance, training, **options):
    """Both on one norm, a (y, mean, var) a block: gammas and betas of the two relays are added, group by group.

    ``temporal_cells``: of every block the cell forwards, and the one backwards or None.
    """
    states = zero_states(xs[0].shape[0], xs[0].shape[1], layer_cell)
    results = []
    for x, (own_cell, backward), running in zip(xs, temporal_cells, runnings, strict=True):
        clips, groups = range(x.shape[0]), frame_groups(x.shape[2], relay_distance)
        whole = list(range(x.shape[2]))
        states = [stack_step(layer_cell, pool(x, clip, whole), states[clip]) for clip in clips]
        affine = []
        for over_groups in relay_both_ways(x, own_cell, backward, groups):
            pairs = [zip(over_groups[clip], states[clip][-1], strict=True) for clip in clips]
            affine.append([tuple([a + b for a, b in zip(*pair, strict=True)] for pair in each) for each in pairs])
        results.append(normalize(x, groups, affine, running, training=training, **options))
    return results


def interlace(x):
    """Channel interlacing of (N, C, T, H, W), eight parts."""
    part, num_frames = x.shape[1] // 8, x.shape[2]
    y = x.copy()
    for t in range(num_frames):
        for channel in range(2 * part):
            source = t + 1 if channel < part else t - 1
            y[:, channel, t] = x[:, channel, source] if 0 <= source < num_frames else 0
    return y

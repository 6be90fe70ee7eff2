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
    channels = len(pooled)
    hidden, cell = state
    from_input, from_hidden = mlp(cell_parameters["A"], pooled), mlp(cell_parameters["B"], hidden)
    gates = [a + b for a, b in zip(from_input, from_hidden, strict=True)]
    new_hidden, new_cell = [], []
    for k in range(channels):
        i, f, g, o = (gates[part * channels + k] for part in range(4))
        new_cell.append(sigmoid(f) * cell[k] + sigmoid(i) * math.tanh(g))
        new_hidden.append(sigmoid(o) * sigmoid(new_cell[k]))
    return new_hidden, new_cell


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


def normalize_groups(x, groups, affine, running, *, training, eps=1e-5, momentum=0.1):
    """Standardise each group, apply ``affine[group][clip]`` = (gamma, beta) lists. Returns y, running mean and var."""
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


def cross_temporal(x, cell_parameters, running, *, relay_distance, training):
    """Cross-temporal DNR of (N, C, T, H, W). Returns y and the running statistics after it."""
    groups = frame_groups(x.shape[2], relay_distance)
    states = [([0.0] * x.shape[1], [0.0] * x.shape[1]) for _ in range(x.shape[0])]
    affine = []
    for frames in groups:
        states = [lstm_step(cell_parameters, pool(x, clip, frames), states[clip]) for clip in range(x.shape[0])]
        affine.append(states)
    return normalize_groups(x, groups, affine, running, training=training)


def cross_layer(xs, cell_parameters, runnings, *, training):
    """Cross-layer DNR of the blocks' features ``xs``, one cell for all. Returns a (y, mean, var) a block."""
    first = xs[0]
    states = [([0.0] * first.shape[1], [0.0] * first.shape[1]) for _ in range(first.shape[0])]
    results = []
    for x, running in zip(xs, runnings, strict=True):
        frames = list(range(x.shape[2]))
        states = [lstm_step(cell_parameters, pool(x, clip, frames), states[clip]) for clip in range(x.shape[0])]
        results.append(normalize_groups(x, [frames], [states], running, training=training))
    return results


def cross_layer_temporal(xs, layer_cell, temporal_cells, runnings, *, relay_distance, training):
    """Both on one norm, a (y, mean, var) a block: gammas and betas of the two relays are added, group by group."""
    first = xs[0]
    over_blocks = [([0.0] * first.shape[1], [0.0] * first.shape[1]) for _ in range(first.shape[0])]
    results = []
    for x, own_cell, running in zip(xs, temporal_cells, runnings, strict=True):
        clips, groups = range(x.shape[0]), frame_groups(x.shape[2], relay_distance)
        whole = list(range(x.shape[2]))
        over_blocks = [lstm_step(layer_cell, pool(x, clip, whole), over_blocks[clip]) for clip in clips]
        over_groups = [([0.0] * x.shape[1], [0.0] * x.shape[1]) for _ in clips]
        affine = []
        for frames in groups:
            over_groups = [lstm_step(own_cell, pool(x, clip, frames), over_groups[clip]) for clip in clips]
            sums = []
            for clip in clips:
                gamma = [a + b for a, b in zip(over_groups[clip][0], over_blocks[clip][0], strict=True)]
                beta = [a + b for a, b in zip(over_groups[clip][1], over_blocks[clip][1], strict=True)]
                sums.append((gamma, beta))
            affine.append(sums)
        results.append(normalize_groups(x, groups, affine, running, training=training))
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

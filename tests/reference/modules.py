"""Temporal modules of TANet and TDN again, by plain float64 loops over numpy arrays; nothing shared with ``dnrlab``.

Parameters come as a state dict of numpy arrays, under the names that the modules give them.
"""

import math

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def convolve(x, weight, groups=1):
    """x (B, C, H, W) by weight (O, C / groups, k, l), zero-padded by half the kernel, one output value at a time."""
    batch, _, height, width = x.shape
    out_channels, per_group, tall, wide = weight.shape
    y = np.zeros((batch, out_channels, height, width))
    for b in range(batch):
        for o in range(out_channels):
            first = o // (out_channels // groups) * per_group
            for i in range(height):
                for j in range(width):
                    total = 0.0
                    for c in range(per_group):
                        for k in range(tall):
                            for m in range(wide):
                                row, column = i + k - tall // 2, j + m - wide // 2
                                if 0 <= row < height and 0 <= column < width:
                                    total += weight[o, c, k, m] * x[b, first + c, row, column]
                    y[b, o, i, j] = total
    return y


def batch_norm(x, state, name, training, updates, eps=1e-5, momentum=0.1):
    """Batch norm of (B, C, …) over all but C; ``updates`` takes the running statistics after it, call by call."""
    y = np.empty_like(x)
    old = updates.get(name, (state[f"{name}.running_mean"], state[f"{name}.running_var"]))
    new = (np.array(old[0]), np.array(old[1]))
    for channel in range(x.shape[1]):
        values = [float(value) for value in x[:, channel].ravel()]
        mean, variance = old[0][channel], old[1][channel]
        if training:
            mean = sum(values) / len(values)
            variance = sum((value - mean) ** 2 for value in values) / len(values)
            new[0][channel] = (1 - momentum) * old[0][channel] + momentum * mean
            new[1][channel] = (1 - momentum) * old[1][channel] + momentum * variance * len(values) / (len(values) - 1)
        scale = state[f"{name}.weight"][channel] / math.sqrt(variance + eps)
        y[:, channel] = (x[:, channel] - mean) * scale + state[f"{name}.bias"][channel]
    updates[name] = new
    return y


def adaptive(x, state, training):
    """TANet's module on clips (N, C, T, H, W). Returns y and the running statistics by norm."""
    updates = {}
    clips, channels, frames = x.shape[:3]
    means = np.array([[[x[n, c, t].mean() for t in range(frames)] for c in range(channels)] for n in range(clips)])
    rows = np.array([state["kernel.0.weight"] @ means[n, c] for n in range(clips) for c in range(channels)])
    rows = np.maximum(batch_norm(rows, state, "kernel.1", training, updates), 0)
    logits = np.array([state["kernel.3.weight"] @ row for row in rows])
    kernels = np.array([np.exp(row) / np.exp(row).sum() for row in logits]).reshape(clips, channels, 3)
    local = convolve(means[..., None], state["weight.0.weight"][..., None])
    local = np.maximum(batch_norm(local, state, "weight.1", training, updates), 0)
    weights = sigmoid(convolve(local, state["weight.3.weight"][..., None]))[..., 0]  # (N, C, T)
    y = np.zeros_like(x)
    for n in range(clips):
        for c in range(channels):
            for t in range(frames):
                for k in range(3):
                    if 0 <= t + k - 1 < frames:
                        y[n, c, t] += kernels[n, c, k] * weights[n, c, t + k - 1] * x[n, c, t + k - 1]
    return y, updates


def images_of(x):
    """Clips (N, C, T, H, W) as images (N*T, C, H, W), clip by clip."""
    return np.stack([x[n, :, t] for n in range(x.shape[0]) for t in range(x.shape[2])])


def clips_of(images, frames):
    return np.stack([np.stack(images[n : n + frames], axis=1) for n in range(0, len(images), frames)])


def halved_mean(x):
    """Mean of 2 x 2 pixels, an odd last row or column left out; a single row or column is not pooled."""
    tall, wide = min(2, x.shape[2]), min(2, x.shape[3])
    y = np.zeros((*x.shape[:2], x.shape[2] // tall, x.shape[3] // wide))
    for i in range(y.shape[2]):
        for j in range(y.shape[3]):
            y[:, :, i, j] = x[:, :, i * tall : (i + 1) * tall, j * wide : (j + 1) * wide].mean(axis=(2, 3))
    return y


def nearest(x, height, width):
    y = np.zeros((*x.shape[:2], height, width))
    for i in range(height):
        for j in range(width):
            y[:, :, i, j] = x[:, :, i * x.shape[2] // height, j * x.shape[3] // width]
    return y


def excitation(x, state, training, prefix=""):
    """TDN's mSE on clips (N, C, T, H, W). Returns y and the running statistics by norm."""
    updates, frames = {}, x.shape[2]

    def norm(value, name):
        return batch_norm(value, state, f"{prefix}{name}", training, updates)

    def weight(name):
        return state[f"{prefix}{name}.weight"]

    z = norm(convolve(images_of(x), weight("squeeze.0")), "squeeze.1")
    q = clips_of(convolve(z, weight("neighbour"), groups=z.shape[1]), frames)
    z = clips_of(z, frames)
    excited = 0
    for step in (1, -1):  # the next frame first: the norms are shared
        d = np.zeros_like(z)
        for t in range(frames):
            if 0 <= t + step < frames:
                d[:, :, t] = q[:, :, t + step] - z[:, :, t]
        d = images_of(d)
        small = norm(convolve(halved_mean(d), weight("at_half.0")), "at_half.1")
        full = norm(convolve(d, weight("at_full.0")), "at_full.1")
        total = (d + nearest(small, *d.shape[2:]) + full) / 3
        excited = excited + sigmoid(norm(convolve(total, weight("expand.0")), "expand.1")) - 0.5
    return x + x * clips_of(excited, frames) / 2, updates


def shift(x, weight):
    """A depthwise convolution along T of clips (N, C, T, H, W) by weight (C, 1, 3)."""
    y = np.zeros_like(x)
    for c in range(x.shape[1]):
        for t in range(x.shape[2]):
            for k in range(3):
                if 0 <= t + k - 1 < x.shape[2]:
                    y[:, c, t] += weight[c, 0, k] * x[:, c, t + k - 1]
    return y


def long_term(x, state, training):
    """TDN's long-term module on clips (N, C, T, H, W): excitation, then the learned shift."""
    excited, updates = excitation(x, state, training, prefix="excitation.")
    return shift(excited, state["shift.weight"]), updates


def difference_stem(segments, state, training):
    """TDN's stem for the four differences of segments (B, 5, 3, H, W). Returns y and the running statistics by norm."""
    updates = {}
    steps = [segments[:, k + 1] - segments[:, k] for k in range(4)]
    x = halved_mean(np.concatenate(steps, axis=1))  # (B, 12, h, w)
    x = convolve(x, state["conv.weight"])[:, :, ::2, ::2]
    x = np.maximum(batch_norm(x, state, "bn", training, updates), 0)
    y = np.zeros((*x.shape[:2], -(-x.shape[2] // 2), -(-x.shape[3] // 2)))
    for i in range(y.shape[2]):
        for j in range(y.shape[3]):
            window = x[:, :, max(2 * i - 1, 0) : 2 * i + 2, max(2 * j - 1, 0) : 2 * j + 2]
            y[:, :, i, j] = window.max(axis=(2, 3))
    return y, updates

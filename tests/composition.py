"""TSN again, in plain functional calls on a state dict: no module, no shared code with ``dnrlab``."""

import torch
import torch.nn.functional as F


def batch_norm(state, name, x, training):
    mean, var = (None, None) if training else (state[f"{name}.running_mean"], state[f"{name}.running_var"])
    return F.batch_norm(x, mean, var, state[f"{name}.weight"], state[f"{name}.bias"], training, 0.1, 1e-5)


def cell_step(state, name, pooled, relayed):
    hidden, cell = relayed

    def mlp(part, v):
        inner = F.relu(F.linear(v, state[f"{name}.{part}.0.weight"], state[f"{name}.{part}.0.bias"]))
        return F.linear(inner, state[f"{name}.{part}.2.weight"], state[f"{name}.{part}.2.bias"])

    i, f, g, o = (mlp("input_gates", pooled) + mlp("hidden_gates", hidden)).split(pooled.shape[1], dim=1)
    cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.sigmoid(cell), cell


def standard(state, name, frames, training):
    """Standardised frames (N, t, C, H, W)."""
    flat = frames.flatten(0, 1)
    mean, var = (None, None) if training else (state[f"{name}.running_mean"], state[f"{name}.running_var"])
    return F.batch_norm(flat, mean, var, None, None, training, 0.1, 1e-5).view_as(frames)


def zero_state(frames):
    return frames.new_zeros(len(frames), frames.shape[2]), frames.new_zeros(len(frames), frames.shape[2])


def affine(frames, relayed):
    gamma, beta = (each[:, None, :, None, None] for each in relayed)
    return gamma * frames + beta


def cross_temporal(state, name, x, num_frames, relay_distance, training):
    frames = x.view(-1, num_frames, *x.shape[1:])
    relayed, out = zero_state(frames), []
    for start in range(0, num_frames, relay_distance):
        group = frames[:, start : start + relay_distance]
        relayed = cell_step(state, f"{name}.lstm", group.mean(dim=(1, 3, 4)), relayed)
        out.append(affine(standard(state, name, group, training), relayed))
    return torch.cat(out, dim=1).flatten(0, 1)


def cross_layer(state, name, cell, x, num_frames, relayed, training):
    frames = x.view(-1, num_frames, *x.shape[1:])
    relayed = cell_step(state, cell, frames.mean(dim=(1, 3, 4)), relayed or zero_state(frames))
    return affine(standard(state, name, frames, training), relayed).flatten(0, 1), relayed


def both(state, name, cell, x, num_frames, over_blocks, training, relay_distance):
    """Cross-layer and cross-temporal on one norm: gammas and betas added, statistics of the groups."""
    frames = x.view(-1, num_frames, *x.shape[1:])
    over_blocks = cell_step(state, cell, frames.mean(dim=(1, 3, 4)), over_blocks or zero_state(frames))
    over_groups, out = zero_state(frames), []
    for group in frames.split(relay_distance, dim=1):
        over_groups = cell_step(state, f"{name}.lstm", group.mean(dim=(1, 3, 4)), over_groups)
        total = [a + b for a, b in zip(over_groups, over_blocks, strict=True)]
        out.append(affine(standard(state, name, group, training), total))
    return torch.cat(out, dim=1).flatten(0, 1), over_blocks


def shift(x, num_frames):
    frames, part = x.view(-1, num_frames, *x.shape[1:]), x.shape[1] // 8
    ahead = F.pad(frames[:, 1:, :part], (0, 0, 0, 0, 0, 0, 0, 1))
    behind = F.pad(frames[:, :-1, part : 2 * part], (0, 0, 0, 0, 0, 0, 1, 0))
    return torch.cat([ahead, behind, frames[:, :, 2 * part :]], dim=2).flatten(0, 1)


def tsn(state, clips, *, relay_distance, interlacing, training):
    """Logits of TSN; ``relay_distance`` None is batch norm, else DNR with one cell a stage and one a block."""
    num_frames = clips.shape[2]
    x = clips.transpose(1, 2).flatten(0, 1)
    x = F.relu(batch_norm(state, "bn1", F.conv2d(x, state["conv1.weight"], stride=2, padding=3), training))
    x = F.max_pool2d(x, 3, stride=2, padding=1)
    for stage in range(1, 5):
        relayed = None
        blocks = len({name.split(".")[1] for name in state if name.startswith(f"layer{stage}.") and ".conv1" in name})
        for block in range(blocks):
            name, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            bottleneck = f"{name}.conv3.weight" in state
            out = shift(x, num_frames) if interlacing else x
            first = {"stride": 1, "padding": 0} if bottleneck else {"stride": stride, "padding": 1}
            out = F.conv2d(out, state[f"{name}.conv1.weight"], **first)
            if relay_distance is None:
                out = batch_norm(state, f"{name}.bn1", out, training)
            else:
                cell, inputs = f"layer{stage}.lstm", (out, num_frames, relayed, training)
                if bottleneck:
                    out, relayed = cross_layer(state, f"{name}.bn1", cell, *inputs)
                else:
                    out, relayed = both(state, f"{name}.bn1", cell, *inputs, relay_distance)
            second = {"stride": stride if bottleneck else 1, "padding": 1}
            out = F.conv2d(F.relu(out), state[f"{name}.conv2.weight"], **second)
            if relay_distance is None or not bottleneck:
                out = batch_norm(state, f"{name}.bn2", out, training)
            else:
                out = cross_temporal(state, f"{name}.bn2", out, num_frames, relay_distance, training)
            if bottleneck:
                out = F.conv2d(F.relu(out), state[f"{name}.conv3.weight"])
                out = batch_norm(state, f"{name}.bn3", out, training)
            if f"{name}.downsample.0.weight" in state:
                x = F.conv2d(x, state[f"{name}.downsample.0.weight"], stride=stride)
                x = batch_norm(state, f"{name}.downsample.1", x, training)
            x = F.relu(out + x)
    logits = F.linear(x.mean(dim=(2, 3)), state["fc.weight"], state["fc.bias"])
    return logits.view(-1, num_frames, logits.shape[1]).mean(dim=1)

"""The networks again, in plain functional calls on a state dict: no module, no shared code with ``dnrlab``.

In training the running statistics of the state dict are brought up to date in place.
"""

import torch
import torch.nn.functional as F


def batch_norm(state, name, x, training):
    mean, var = state[f"{name}.running_mean"], state[f"{name}.running_var"]
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
    """Standardized frames (N, t, C, H, W)."""
    flat = frames.flatten(0, 1)
    mean, var = state[f"{name}.running_mean"], state[f"{name}.running_var"]
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


def conv(state, name, x, **options):
    return F.conv2d(x, state[f"{name}.weight"], state.get(f"{name}.bias"), **options)


def adaptive(state, name, x, num_frames, training):
    """TAM of TANet, frame by frame."""
    frames = x.view(-1, num_frames, *x.shape[1:])  # (N, T, C, H, W)
    clips, _, channels = frames.shape[:3]
    means = frames.mean(dim=(3, 4)).transpose(1, 2)  # (N, C, T)
    rows = F.linear(means.reshape(-1, num_frames), state[f"{name}.kernel.0.weight"])
    rows = F.linear(F.relu(batch_norm(state, f"{name}.kernel.1", rows, training)), state[f"{name}.kernel.3.weight"])
    kernel = torch.softmax(rows, dim=1).view(clips, channels, 3)
    local = F.conv1d(means, state[f"{name}.weight.0.weight"], padding=1)
    local = F.relu(batch_norm(state, f"{name}.weight.1", local, training))
    local = torch.sigmoid(F.conv1d(local, state[f"{name}.weight.3.weight"])).transpose(1, 2)  # (N, T, C)
    weighed = frames * local[..., None, None]
    out = torch.zeros_like(frames)
    for t in range(num_frames):
        for k in range(3):
            if 0 <= t + k - 1 < num_frames:
                out[:, t] = out[:, t] + kernel[:, :, k, None, None] * weighed[:, t + k - 1]
    return out.flatten(0, 1)


def long_term(state, name, x, num_frames, training):
    """mSE and the learned shift of TDN, frame by frame."""

    def excite(d):
        part = f"{name}.excitation"
        size = d.shape[2:]
        small = F.avg_pool2d(d, tuple(min(2, side) for side in size))
        small = conv(state, f"{part}.at_half.0", small, padding=1)
        small = F.interpolate(batch_norm(state, f"{part}.at_half.1", small, training), size, mode="nearest")
        full = conv(state, f"{part}.at_full.0", d, padding=1)
        total = (d + small + batch_norm(state, f"{part}.at_full.1", full, training)) / 3
        total = batch_norm(state, f"{part}.expand.1", conv(state, f"{part}.expand.0", total), training)
        return torch.sigmoid(total) - 0.5

    part = f"{name}.excitation"
    z = batch_norm(state, f"{part}.squeeze.1", conv(state, f"{part}.squeeze.0", x), training)
    q = conv(state, f"{part}.neighbour", z, padding=1, groups=z.shape[1])
    z, q = (each.view(-1, num_frames, *each.shape[1:]) for each in (z, q))
    ahead, behind = torch.zeros_like(z), torch.zeros_like(z)
    for t in range(num_frames):
        if t + 1 < num_frames:
            ahead[:, t] = q[:, t + 1] - z[:, t]
        if t > 0:
            behind[:, t] = q[:, t - 1] - z[:, t]
    first = excite(ahead.flatten(0, 1))
    x = x + x * (first + excite(behind.flatten(0, 1))) / 2
    frames, weight = x.view(-1, num_frames, *x.shape[1:]), state[f"{name}.shift.weight"]  # (C, 1, 3)
    out = torch.zeros_like(frames)
    for t in range(num_frames):
        for k in range(3):
            if 0 <= t + k - 1 < num_frames:
                out[:, t] = out[:, t] + weight[:, 0, k, None, None] * frames[:, t + k - 1]
    return out.flatten(0, 1)


def stage(state, prefix, x, num_frames, *, stride, relay_distance, training, shifted, inside):
    """The blocks of a stage; ``shifted``: which blocks shift; ``inside``: the module after the first ReLU, or None."""
    relayed = None
    blocks = len({name.split(".")[1] for name in state if name.startswith(f"{prefix}.") and ".conv1" in name})
    for block in range(blocks):
        name, step = f"{prefix}.{block}", stride if block == 0 else 1
        bottleneck = f"{name}.conv3.weight" in state
        out = shift(x, num_frames) if shifted(block) else x
        out = conv(state, f"{name}.conv1", out, **({} if bottleneck else {"stride": step, "padding": 1}))
        if relay_distance is None:
            out = batch_norm(state, f"{name}.bn1", out, training)
        else:
            cell, inputs = f"{prefix}.lstm", (out, num_frames, relayed, training)
            if bottleneck:
                out, relayed = cross_layer(state, f"{name}.bn1", cell, *inputs)
            else:
                out, relayed = both(state, f"{name}.bn1", cell, *inputs, relay_distance)
        out = F.relu(out)
        if inside is not None:
            out = inside(state, f"{name}.inside", out, num_frames, training)
        out = conv(state, f"{name}.conv2", out, stride=step if bottleneck else 1, padding=1)
        if relay_distance is None or not bottleneck:
            out = batch_norm(state, f"{name}.bn2", out, training)
        else:
            out = cross_temporal(state, f"{name}.bn2", out, num_frames, relay_distance, training)
        if bottleneck:
            out = batch_norm(state, f"{name}.bn3", conv(state, f"{name}.conv3", F.relu(out)), training)
        if f"{name}.downsample.0.weight" in state:
            x = conv(state, f"{name}.downsample.0", x, stride=step)
            x = batch_norm(state, f"{name}.downsample.1", x, training)
        x = F.relu(out + x)
    return x


def network(state, clips, family, *, relay_distance, interlacing, training, temporal_pool=False):
    """Logits of ``family`` (tsn, tsm, tanet, tdn); ``relay_distance`` None is batch norm, else DNR."""
    deep = sum(name.startswith("layer3.") and name.endswith("conv1.weight") for name in state) >= 23
    shifted = {"tsm": lambda block: not deep or block % 2 == 0, "tdn": lambda block: False}
    options = {"relay_distance": relay_distance, "training": training}
    options["shifted"] = shifted.get(family, lambda block: interlacing)
    inside = {"tanet": adaptive, "tdn": long_term}.get(family)
    num_frames = clips.shape[2] // 5 if family == "tdn" else clips.shape[2]
    images = clips.transpose(1, 2)  # (N, T, 3, H, W)
    if family == "tdn":
        five = images.unflatten(1, (num_frames, 5))
        images, steps = five[:, :, 2], [five[:, :, k + 1] - five[:, :, k] for k in range(4)]
        motion = F.avg_pool2d(torch.cat(steps, dim=2).flatten(0, 1), 2)
        motion = conv(state, "difference.conv", motion, stride=2, padding=3)
        motion = F.relu(batch_norm(state, "difference.bn", motion, training))
        motion = F.max_pool2d(motion, 3, stride=2, padding=1)
    x = conv(state, "conv1", images.flatten(0, 1), stride=2, padding=3)
    x = F.max_pool2d(F.relu(batch_norm(state, "bn1", x, training)), 3, stride=2, padding=1)
    for index in range(1, 5):
        if family == "tdn" and index < 3:
            a = 0.5 if num_frames < 16 else 0.75
            x = a * x + (1 - a) * F.interpolate(motion, size=x.shape[2:], mode="nearest")
            if index == 1:
                plain = {"relay_distance": None, "training": training, "shifted": lambda block: False, "inside": None}
                motion = stage(state, "layer1_difference", motion, num_frames, stride=1, **plain)
        if temporal_pool and index == 2:
            frames = F.pad(x.view(-1, num_frames, *x.shape[1:]), (0, 0, 0, 0, 0, 0, 1, 1), value=-torch.inf)
            pooled = [frames[:, t : t + 3].amax(dim=1) for t in range(0, num_frames, 2)]
            x, num_frames = torch.stack(pooled, dim=1).flatten(0, 1), len(pooled)
        own = None if family == "tdn" and index == 1 else inside
        x = stage(state, f"layer{index}", x, num_frames, stride=1 if index == 1 else 2, inside=own, **options)
    logits = F.linear(x.mean(dim=(2, 3)), state["fc.weight"], state["fc.bias"])
    return logits.view(-1, num_frames, logits.shape[1]).mean(dim=1)

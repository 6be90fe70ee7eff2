"""The 3D networks again, in plain functional calls on a state dict: no module, no shared code with ``dnrlab``.

In training the running statistics of the state dict are brought up to date in place.
"""

import torch.nn.functional as F

from tests.reference.networks import batch_norm, both, cross_layer, cross_temporal, shift


def conv(state, name, x, **options):
    return F.conv3d(x, state[f"{name}.weight"], **options)


def images(x):
    """Clips (N, C, T, H, W) as images (N*T, C, H, W)."""
    return x.transpose(1, 2).flatten(0, 1)


def clips(x, num_frames):
    return x.unflatten(0, (-1, num_frames)).transpose(1, 2)


def convolution(state, name, x, stride, training):
    """The first or second convolution of a basic block, of any kind: its weights say which."""
    if f"{name}.weight" in state:
        full = state[f"{name}.weight"].shape[2] == 3
        return conv(state, name, x, stride=stride if full else (1, stride, stride), padding=1 if full else (0, 1, 1))
    x = conv(state, f"{name}.0", x, stride=(1, stride, stride), padding=(0, 1, 1))
    x = F.relu(batch_norm(state, f"{name}.1", x, training))
    return conv(state, f"{name}.3", x, stride=(stride, 1, 1), padding=(1, 0, 0))


def basic(state, prefix, name, x, stride, relayed, relay_distance, training):
    out = convolution(state, f"{name}.conv1.0", x, stride, training)
    if relay_distance is None:
        out = batch_norm(state, f"{name}.conv1.1", out, training)
    else:
        inputs = (images(out), out.shape[2], relayed, training, relay_distance)
        y, relayed = both(state, f"{name}.conv1.1", f"{prefix}.lstm", *inputs)
        out = clips(y, out.shape[2])
    out = convolution(state, f"{name}.conv2.0", F.relu(out), 1, training)
    return batch_norm(state, f"{name}.conv2.1", out, training), relayed


def bottleneck(state, prefix, name, x, stride, relayed, relay_distance, training):
    frames = state[f"{name}.conv1.weight"].shape[2]
    out = conv(state, f"{name}.conv1", x, padding=(frames // 2, 0, 0))
    if relay_distance is None:
        out = batch_norm(state, f"{name}.bn1", out, training)
    else:
        inputs = (images(out), out.shape[2], relayed, training)
        y, relayed = cross_layer(state, f"{name}.bn1", f"{prefix}.lstm", *inputs)
        out = clips(y, out.shape[2])
    out = conv(state, f"{name}.conv2", F.relu(out), stride=(1, stride, stride), padding=(0, 1, 1))
    if relay_distance is None:
        out = batch_norm(state, f"{name}.bn2", out, training)
    else:
        y = cross_temporal(state, f"{name}.bn2", images(out), out.shape[2], relay_distance, training)
        out = clips(y, out.shape[2])
    return batch_norm(state, f"{name}.bn3", conv(state, f"{name}.conv3", F.relu(out)), training), relayed


def network(state, x, *, relay_distance, interlacing, training):
    """Logits of clips (N, 3, T, H, W); ``relay_distance`` None is batch norm, else DNR."""
    slow = "conv1.weight" in state
    if slow:
        x = F.relu(batch_norm(state, "bn1", conv(state, "conv1", x, stride=(1, 2, 2), padding=(0, 3, 3)), training))
        x = F.max_pool3d(x, (1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1))
    elif "stem.3.weight" in state:
        x = conv(state, "stem.0", x, stride=(1, 2, 2), padding=(0, 3, 3))
        x = conv(state, "stem.3", F.relu(batch_norm(state, "stem.1", x, training)), padding=(1, 0, 0))
        x = F.relu(batch_norm(state, "stem.4", x, training))
    else:
        x = conv(state, "stem.0", x, stride=(1, 2, 2), padding=(1, 3, 3))
        x = F.relu(batch_norm(state, "stem.1", x, training))
    for index in range(1, 5):
        prefix, relayed = f"layer{index}", None
        numbers = sorted(
            {int(name.split(".")[1]) for name in state if name.startswith(f"{prefix}.") and ".conv1." in name}
        )
        for number in numbers:
            name, stride = f"{prefix}.{number}", 2 if index > 1 and number == 0 else 1
            mixed = clips(shift(images(x), x.shape[2]), x.shape[2]) if interlacing else x
            block = bottleneck if slow else basic
            out, relayed = block(state, prefix, name, mixed, stride, relayed, relay_distance, training)
            if f"{name}.downsample.0.weight" in state:
                strides = (1 if out.shape[2] == x.shape[2] else stride, stride, stride)
                x = batch_norm(
                    state, f"{name}.downsample.1", conv(state, f"{name}.downsample.0", x, stride=strides), training
                )
            x = F.relu(out + x)
    return F.linear(x.mean(dim=(2, 3, 4)), state["fc.weight"], state["fc.bias"])

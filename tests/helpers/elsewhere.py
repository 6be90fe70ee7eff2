"""Networks that were built elsewhere, for tests of ``add_dnr``."""

import torch
from torch import nn

from dnrlab.models import BlockParts
from dnrlab.torchvision_guard import guard_torchvision


def torchvision_network(name, **settings):
    """A network of torchvision: one for clips (r3d_18, …), or one for images."""
    guard_torchvision()
    import torchvision

    where = torchvision.models.video if hasattr(torchvision.models.video, name) else torchvision.models
    return getattr(where, name)(num_classes=5, **settings)


def timm_network(name, **settings):
    """A network of timm, for images."""
    guard_torchvision()
    import timm

    return timm.create_model(name, num_classes=5, **settings)


class SlowBlock(nn.Module):
    """A bottleneck with names of its own, as in PyTorchVideo."""

    def __init__(self, channels, inner):
        super().__init__()
        self.conv_a, self.norm_a = nn.Conv3d(channels, inner, (3, 1, 1), padding=(1, 0, 0)), nn.BatchNorm3d(inner)
        self.conv_b = nn.Conv3d(inner, inner, (1, 3, 3), padding=(0, 1, 1))
        self.norm_b = nn.BatchNorm3d(inner)
        self.conv_c, self.norm_c = nn.Conv3d(inner, channels, 1), nn.BatchNorm3d(channels)

    def forward(self, x):
        out = self.norm_a(self.conv_a(x)).relu()
        out = self.norm_b(self.conv_b(out)).relu()
        return (x + self.norm_c(self.conv_c(out))).relu()


def slow_parts(module):
    """The adapter for ``SlowBlock``."""
    return BlockParts(norms=("norm_a", "norm_b"), before="conv_a") if isinstance(module, SlowBlock) else None


class Body(nn.Module):
    """A small network for clips, whose blocks have two widths in one ``nn.Sequential``."""

    def __init__(self, blocks=nn.Sequential):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv3d(3, 16, (1, 3, 3), padding=(0, 1, 1)), nn.GroupNorm(4, 16), nn.ReLU())
        steps = [SlowBlock(16, 8), nn.Identity(), SlowBlock(16, 8), SlowBlock(16, 16)]
        self.blocks = blocks(*steps) if blocks is nn.Sequential else blocks(steps)
        self.fc = nn.Linear(16, 5)

    def forward(self, clips):
        x = self.stem(clips)
        if isinstance(self.blocks, nn.ModuleList):
            for block in self.blocks:
                x = block(x)
        else:
            x = self.blocks(x)
        return self.fc(x.mean(dim=(2, 3, 4)))


def one_step(model, clips):
    """Outputs, gradients and running statistics after a training step's forward and backward pass."""
    model.zero_grad()
    out = model(clips)
    out.square().sum().backward()
    found = {f"grad {name}": each.grad.clone() for name, each in model.named_parameters()}
    found |= {name: each.clone() for name, each in model.named_buffers() if each.is_floating_point()}
    return found | {"out": out.detach()}


def assert_same(first, second, rtol=1e-10, atol=1e-10):
    """Two results of ``one_step`` agree."""
    assert first.keys() == second.keys()
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], rtol=rtol, atol=atol, msg=lambda text, name=name: name + text)

"""3D residual networks: r3d_18, mc3_18 and r2plus1d_18 as in torchvision, and the slow-only ResNet-50.

The classifier sees the mean over time and space. In a 3D network T shrinks where it strides in time; the relay's groups
follow, so the relay distance counts frames of the layer's own map.
Sources: see ``blocks3d``.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor, nn

from dnrlab.models.blocks3d import BasicBlock3D, Bottleneck3D
from dnrlab.models.stages import Stage, dnr_norms
from dnrlab.models.tsn import initialize
from dnrlab.relay import DNRConfig, RelayCell
from dnrlab.relay.axes import check_clip


class Plan(NamedTuple):
    """What a 3D network is made of."""

    stem: str  # full (3 x 7 x 7), separate (1 x 7 x 7, then 3 x 1 x 1) or slow (1 x 7 x 7, then a maximum over space)
    kinds: tuple[str, ...]  # of the convolutions of the four stages: see ``blocks3d.KINDS``; slow: see ``Bottleneck3D``
    depths: tuple[int, ...]  # blocks per stage


PLANS = {
    "r3d_18": Plan("full", ("full",) * 4, (2, 2, 2, 2)),
    "mc3_18": Plan("full", ("full", "space", "space", "space"), (2, 2, 2, 2)),
    "r2plus1d_18": Plan("separate", ("separate",) * 4, (2, 2, 2, 2)),
    "slowonly_resnet50": Plan("slow", ("1", "1", "3", "3"), (3, 4, 6, 3)),  # frames of each first convolution
}


class ResNet3D(nn.Module):
    """A 3D ResNet on clips. Parameter names are those of torchvision's video networks, and of its ResNet for slow-only.

    Args:
        plan: one of ``PLANS``.
        num_classes: logits per clip.
        num_frames: T of the clips in training; any T is accepted.
        dnr: puts DNR on the norms of every block; None for batch norm.
        interlacing: channel interlacing at the input of every block.
        width: channels of the stem, 64 as published.
        dropout: probability before the classifier; torchvision's networks have none.

    Shape: clips (N, 3, T, H, W), floating point, in; logits (N, num_classes) out.
    """

    frames_per_segment = 1

    def __init__(
        self,
        plan: Plan,
        *,
        num_classes: int,
        num_frames: int,
        dnr: DNRConfig | None = None,
        interlacing: bool = False,
        width: int = 64,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.plan, self.num_classes, self.num_frames = plan, num_classes, num_frames
        self.dnr, self.interlacing, self.width = dnr, interlacing, width
        modules = stem(plan.stem, width)
        self.stem_names = tuple(modules)  # in order
        for name, module in modules.items():
            self.add_module(name, module)
        stages, channels = [], width
        for index, (kind, depth) in enumerate(zip(plan.kinds, plan.depths, strict=True)):
            make = maker(plan, kind, dnr, interlacing)
            stages.append(stage_of(make, channels, width * 2**index, depth, 1 if index == 0 else 2, dnr))
            channels = width * 2**index * (4 if plan.stem == "slow" else 1)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.avgpool = nn.AdaptiveAvgPool3d(1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(channels, num_classes)
        initialize(self)

    def forward(self, clips: Tensor) -> Tensor:
        check_clip(clips, channels=3)
        logits: Tensor = self.fc(self.dropout(self.avgpool(self.features(clips)).flatten(1)))
        return logits

    def features(self, clips: Tensor) -> Tensor:
        """The last stage's output (N, C, T', h, w)."""
        x = clips
        for name in self.stem_names:
            x = self.get_submodule(name)(x)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x, None)
        return x

    def extra_repr(self) -> str:
        return (
            f"{self.plan}, num_classes={self.num_classes}, num_frames={self.num_frames}, dnr={self.dnr}, "
            f"interlacing={self.interlacing}, width={self.width}, dropout={self.dropout.p}"
        )


def stem(kind: str, width: int) -> dict[str, nn.Module]:
    """The modules before the stages, by name. All halve height and width, ``slow`` twice; none strides in time."""
    if kind == "slow":
        pool = nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1))
        return {
            "conv1": halving(width, frames=1),
            "bn1": nn.BatchNorm3d(width),
            "relu": nn.ReLU(inplace=True),
            "maxpool": pool,
        }
    if kind == "full":
        return {"stem": nn.Sequential(halving(width, frames=3), nn.BatchNorm3d(width), nn.ReLU(inplace=True))}
    middle = middle_of_stem(width)
    modules = [
        halving(middle, frames=1),
        nn.BatchNorm3d(middle),
        nn.ReLU(inplace=True),
        nn.Conv3d(middle, width, (3, 1, 1), padding=(1, 0, 0), bias=False),
        nn.BatchNorm3d(width),
        nn.ReLU(inplace=True),
    ]
    return {"stem": nn.Sequential(*modules)}


def halving(channels: int, *, frames: int) -> nn.Conv3d:
    """The first convolution, over ``frames`` x 7 x 7, from colours to ``channels``."""
    padding = (frames // 2, 3, 3)
    return nn.Conv3d(3, channels, (frames, 7, 7), stride=(1, 2, 2), padding=padding, bias=False)


def middle_of_stem(width: int) -> int:
    """Channels between the two convolutions of r2plus1d's stem: 45 at the published width."""
    return max(45 * width // 64, 1)


Make = Callable[[int, int, int], nn.Module]  # a block from its input channels, C and stride


def maker(plan: Plan, kind: str, dnr: DNRConfig | None, interlacing: bool) -> Make:
    """What makes the blocks of a stage."""

    def make(in_channels: int, channels: int, stride: int) -> nn.Module:
        bottleneck = plan.stem == "slow"
        plain = nn.BatchNorm3d(channels), nn.BatchNorm3d(channels)
        norms = plain if dnr is None else dnr_norms(channels, dnr, bottleneck=bottleneck, batch_norm=nn.BatchNorm3d)
        settings: dict[str, Any] = {"stride": stride, "norms": norms, "interlaced": interlacing}
        if bottleneck:
            frames = int(kind)
            return Bottleneck3D(in_channels, channels, frames=frames, **settings)
        return BasicBlock3D(in_channels, channels, kind=kind, **settings)

    return make


def stage_of(make: Make, in_channels: int, channels: int, depth: int, stride: int, dnr: DNRConfig | None) -> Stage:
    """``depth`` blocks of C = ``channels``; the first has the stride."""
    blocks = [make(in_channels, channels, stride)]
    out_channels = channels * int(blocks[0].expansion)  # type: ignore[arg-type]
    blocks += [make(out_channels, channels, 1) for _ in range(depth - 1)]
    shared = dnr is not None and dnr.where != "temporal"
    return Stage(blocks, RelayCell(channels, dnr.reduction, dnr.depth) if shared and dnr is not None else None)


def frames_of_stages(plan: Plan, num_frames: int) -> list[int]:
    """T of the map of each stage: 8 frames become 8, 4, 2 and 1 in r3d_18, and stay 8 in mc3_18's last three stages."""
    frames, found = num_frames, []
    for index, kind in enumerate(plan.kinds):
        if index > 0 and kind in ("full", "separate"):
            frames = (frames + 1) // 2
        found.append(frames)
    return found

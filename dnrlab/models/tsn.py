"""Temporal segment network: a 2D ResNet on every frame, and the mean of the frames' logits.

Source: Wang et al., "Temporal segment networks", ECCV 2016; with DNR: Cai, Yao and Chen, NeurIPS 2021.
"""

from collections.abc import Sequence

from einops import rearrange, reduce
from torch import Tensor, nn

from dnrlab.models.stages import Block, TemporalAt, make_stages, no_temporal
from dnrlab.relay import DNRConfig
from dnrlab.relay.axes import check_clip, merge_time


class TSN(nn.Module):
    """ResNet on N*T frames, classifier on every frame, consensus by the mean. Parameter names are torchvision's.

    TSM and TANet are this network with temporal modules in its blocks.

    Args:
        block: ``BasicBlock`` or ``Bottleneck``.
        depths: blocks of the four stages.
        num_classes: logits per clip.
        num_frames: T of the clips. Any T is accepted unless a temporal module fixes it.
        dnr: puts DNR on the norms of every block; None for batch norm.
        temporal: gives the temporal modules of a block from its position.
        width: channels of the stem, 64 as published.
        dropout: probability before the classifier.
        mask_per_clip: all frames of a clip share a mask of dropout, as in the authors' release of TSN, where it acts
            on the mean of their features; otherwise each frame has its own, as in TSM and TANet.

    Shape: clips (N, 3, T, H, W), floating point, in; logits (N, num_classes) out.
    """

    frames_per_segment = 1

    def __init__(
        self,
        block: Block,
        depths: Sequence[int],
        *,
        num_classes: int,
        num_frames: int,
        dnr: DNRConfig | None = None,
        temporal: TemporalAt = no_temporal,
        width: int = 64,
        dropout: float = 0.5,
        mask_per_clip: bool = True,
    ) -> None:
        super().__init__()
        self.block, self.depths, self.num_classes, self.num_frames = block, tuple(depths), num_classes, num_frames
        self.dnr, self.width, self.mask_per_clip = dnr, width, mask_per_clip
        self.conv1 = nn.Conv2d(3, width, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        stages = make_stages(block, depths, width, dnr=dnr, temporal=temporal)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout1d(dropout) if mask_per_clip else nn.Dropout(dropout)
        self.fc = nn.Linear(width * 8 * block.expansion, num_classes)
        initialize(self)

    def forward(self, clips: Tensor) -> Tensor:
        check_clip(clips, channels=3)
        images, num_frames = self.features(merge_time(clips), clips.shape[2])
        features = self.avgpool(images).flatten(1)  # (N*T, C)
        if self.mask_per_clip:
            masked = self.dropout(rearrange(features, "(n t) c -> n c t", t=num_frames))
            logits: Tensor = self.fc(rearrange(masked, "n c t -> (n t) c"))
        else:
            logits = self.fc(self.dropout(features))
        return reduce(logits, "(n t) classes -> n classes", "mean", t=num_frames)

    def extra_repr(self) -> str:
        return (
            f"{self.block.__name__}, {self.depths}, num_classes={self.num_classes}, num_frames={self.num_frames}, "
            f"dnr={self.dnr}, width={self.width}, dropout={self.dropout.p}, mask_per_clip={self.mask_per_clip}"
        )

    def features(self, images: Tensor, num_frames: int) -> tuple[Tensor, int]:
        """The last stage's output (N*T, C, h, w) for images (N*T, 3, H, W), and its T."""
        x: Tensor = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x, num_frames)
        return x, num_frames


def initialize(model: nn.Module) -> None:
    """He initialisation of the convolutions by fan-out, as in torchvision's ResNet; the rest has torch's defaults."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)

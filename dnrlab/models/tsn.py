"""Temporal segment network: a 2D ResNet on every frame, and the mean of the frames' logits.

Source: Wang et al., "Temporal segment networks", ECCV 2016; with DNR: Cai, Yao and Chen, NeurIPS 2021.
"""

from collections.abc import Sequence

from einops import reduce
from torch import Tensor, nn

from dnrlab.models.stages import Block, interlacing_module, make_stage
from dnrlab.relay import DNRConfig
from dnrlab.relay.axes import check_clip, merge_time


class TSN(nn.Module):
    """ResNet on N*T frames, classifier on every frame, consensus by the mean. Parameter names are torchvision's.

    Args:
        block: ``BasicBlock`` or ``Bottleneck``.
        depths: blocks of the four stages.
        num_classes: logits a clip.
        num_frames: T that clips should have; any T is accepted.
        dnr: puts DNR on norms 1 and 2 of every block; None for batch norm.
        interlacing: channel interlacing at the input of every block.
        width: channels of the stem, 64 as published.
        dropout: probability before the classifier.

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
        dnr: DNRConfig | None,
        interlacing: bool,
        width: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.num_frames = num_frames
        self.conv1 = nn.Conv2d(3, width, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        in_channels, stages = width, []
        for index, depth in enumerate(depths):
            channels = width * 2**index
            stage = make_stage(
                block,
                in_channels,
                channels,
                depth,
                stride=1 if index == 0 else 2,
                dnr=dnr,
                temporal=interlacing_module(interlacing),
            )
            stages.append(stage)
            in_channels = channels * block.expansion
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(in_channels, num_classes)
        initialize(self)

    def forward(self, clips: Tensor) -> Tensor:
        check_clip(clips, channels=3)
        num_frames = clips.shape[2]
        images = self.features(merge_time(clips), num_frames)
        logits: Tensor = self.fc(self.dropout(self.avgpool(images).flatten(1)))  # (N*T, classes)
        return reduce(logits, "(n t) classes -> n classes", "mean", t=num_frames)

    def features(self, images: Tensor, num_frames: int) -> Tensor:
        """The last stage's output (N*T, C, h, w) for images (N*T, 3, H, W)."""
        x: Tensor = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x, num_frames)
        return x


def initialize(model: nn.Module) -> None:
    """He initialisation of the convolutions by fan-out, as torchvision's ResNet; the rest keeps torch's defaults."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

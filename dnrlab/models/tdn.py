"""Temporal difference network: motion between neighbouring frames, and between segments.

Source: Wang et al., "TDN: temporal difference networks for efficient action recognition", CVPR 2021.
Axes: N clips, T segments of five frames, C channels.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from einops import rearrange, reduce
from torch import Tensor, nn

from dnrlab.models.blocks import Temporal
from dnrlab.models.stages import Block, BlockPosition, make_stages, no_temporal
from dnrlab.models.tdn_modules import FRAMES, DifferenceStem, LongTermModule
from dnrlab.models.tsn import initialize
from dnrlab.relay import DNRConfig
from dnrlab.relay.axes import check_clip


class TDN(nn.Module):
    """A ResNet on the main frame of every segment, to which the differences of the segment's frames are added.

        X = maxpool(stem(x3)),                        D1 = maxpool(ReLU(BN(conv(avgpool(x2-x1, …, x5-x4)))))
        X = layer1(a X + b up(D1)),                   D2 = layer1'(D1)
        X = layer4(layer3(layer2(a X + b up(D2))))    with long-term modules in the blocks of layers 2 to 4

    up is nearest. a = b = 0.5 below T = 16; from T = 16 on a = 0.75 and b = 0.25. As in the authors' code, the
    convolutions of the backbone and of the copy layer1' have biases.

    Args:
        block, depths, num_classes, width, dropout: see ``TSN``.
        num_frames: T of the clips in training, the number of segments. It sets a and b; any T is accepted.
        dnr: puts DNR on the norms of the main path; the copy of layer1 has batch norm.

    Shape: clips (N, 3, 5 T, H, W), segment by segment, in the order of time, in; logits (N, num_classes) out.

    Raises: ValueError if the number of frames is not a multiple of 5.

    Differs from the source: 9,472 parameters that the authors' code never uses are left out; the source has a and b for
    T = 8 and 16 alone.
    """

    frames_per_segment = FRAMES

    def __init__(
        self,
        block: Block,
        depths: Sequence[int],
        *,
        num_classes: int,
        num_frames: int,
        dnr: DNRConfig | None = None,
        width: int = 64,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.block, self.depths, self.num_classes, self.num_frames = block, tuple(depths), num_classes, num_frames
        self.dnr, self.width = dnr, width
        self.conv1 = nn.Conv2d(3, width, kernel_size=7, stride=2, padding=3)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.difference = DifferenceStem(width)
        stages = make_stages(block, depths, width, dnr=dnr, temporal=long_term, bias=True)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        (self.layer1_difference,) = make_stages(block, depths[:1], width, dnr=None, temporal=no_temporal, bias=True)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(width * 8 * block.expansion, num_classes)
        initialize(self)
        self.difference.initialize_from(self.conv1)

    def forward(self, clips: Tensor) -> Tensor:
        check_clip(clips, channels=3)
        if clips.shape[2] == 0 or clips.shape[2] % FRAMES:
            raise ValueError(
                f"expected clips of {FRAMES} frames per segment (TDN with {self.num_frames} segments: "
                f"{FRAMES * self.num_frames} frames), got {clips.shape[2]}; sample segments of five frames"
            )
        images = self.features(clips)
        logits: Tensor = self.fc(self.dropout(self.avgpool(images).flatten(1)))  # (N*T, classes)
        return reduce(logits, "(n t) classes -> n classes", "mean", t=clips.shape[2] // FRAMES)

    def extra_repr(self) -> str:
        return (
            f"{self.block.__name__}, {self.depths}, num_classes={self.num_classes}, num_frames={self.num_frames}, "
            f"dnr={self.dnr}, width={self.width}, dropout={self.dropout.p}"
        )

    def features(self, clips: Tensor) -> Tensor:
        """The last stage's output (N*T, C, h, w) for clips (N, 3, 5 T, H, W)."""
        num_frames = clips.shape[2] // FRAMES
        segments = rearrange(clips, "n c (t f) h w -> (n t) f c h w", f=FRAMES)
        short1 = self.difference(segments)
        short2 = self.layer1_difference(short1, num_frames)
        main = 0.5 if self.num_frames < 16 else 0.75
        x: Tensor = self.maxpool(self.relu(self.bn1(self.conv1(segments[:, FRAMES // 2]))))
        x = self.layer1(main * x + (1 - main) * F.interpolate(short1, x.shape[2:]), num_frames)
        x = main * x + (1 - main) * F.interpolate(short2, x.shape[2:])
        for stage in (self.layer2, self.layer3, self.layer4):
            x = stage(x, num_frames)
        return x


def long_term(position: BlockPosition) -> Temporal:
    """The long-term module after the first norm and ReLU of every block of layers 2 to 4."""
    return Temporal(inside=LongTermModule(position.channels) if position.stage > 1 else None)

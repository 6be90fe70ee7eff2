"""A 2D network from elsewhere on every frame of a clip."""

from einops import reduce
from torch import Tensor, nn

from dnrlab.models.injected import InjectedNorm
from dnrlab.relay.axes import check_clip, merge_time
from dnrlab.relay.interlacing import InterlacedConv2d


class PerFrame(nn.Module):
    """A network for images on all frames of a clip; the mean of their logits, as in TSN.

    Args:
        network: from images (B, 3, H, W) to logits (B, classes).

    Shape: clips (N, 3, T, H, W) in; logits (N, classes) out.

    Raises: ValueError if DNR was added for clips of another T.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, clips: Tensor) -> Tensor:
        check_clip(clips, channels=3)
        num_frames = clips.shape[2]
        for name, layer in self.network.named_modules():
            given = layer.num_frames if isinstance(layer, InjectedNorm | InterlacedConv2d) else None
            if given not in (None, num_frames):
                raise ValueError(
                    f"expected clips of T={given} frames at {name}, the num_frames of add_dnr or add_interlacing, "
                    f"got {num_frames}; pass such clips, or call set_num_frames(model, T) first"
                )
        logits: Tensor = self.network(merge_time(clips))
        return reduce(logits, "(n t) classes -> n classes", "mean", t=num_frames)

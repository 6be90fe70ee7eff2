"""Channel interlacing: some channels come from the neighbouring frames."""

from torch import Tensor, nn

from dnrlab.relay.axes import merge_time, split_time
from dnrlab.relay.functional import interlace_channels


class ChannelInterlacing(nn.Module):
    """``interlace_channels`` on images of a 2D network or clips of a 3D network, at the input of a DNR pair.

    Shape: images (N*T, C, H, W) and T, or clips (N, C, T, H, W) and None, in; the same shape out.

    Source: DNR, supplement B. Differs from the source: it is on in training and in evaluation. The supplement mentions
    training only, but a network trained on mixed frames would then get other features in evaluation.
    """

    def forward(self, x: Tensor, num_frames: int | None) -> Tensor:
        if num_frames is None:
            return interlace_channels(x)
        return merge_time(interlace_channels(split_time(x, num_frames)))

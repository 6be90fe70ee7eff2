"""Channel interlacing: part of the channels comes from the neighbouring frames."""

from torch import Tensor, nn

from dnrlab.relay.axes import merge_time, split_time
from dnrlab.relay.functional import interlace_channels


class ChannelInterlacing(nn.Module):
    """``interlace_channels`` on the images of a 2D network; it stands at the input of a DNR pair.

    Shape: images (N*T, C, H, W) and T in, images out.

    Source: DNR, supplement B. Differs from the source: on in training and evaluation, where the supplement speaks
    of training only; a network trained on mixed frames would otherwise meet other features in evaluation.
    """

    def forward(self, images: Tensor, num_frames: int) -> Tensor:
        return merge_time(interlace_channels(split_time(images, num_frames)))

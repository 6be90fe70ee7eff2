"""What a clip is, as a value, and the frame indices of the clips of a video."""

from dataclasses import dataclass

import torch
from torch import Tensor

from dnrlab.data import sampling
from dnrlab.data.decode.reader import DECODERS
from dnrlab.data.transforms import CROP_POSITIONS, SCALES

SAMPLINGS = ("segments", "twice", "dense", "window")


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """What a clip is. The defaults are those of DNR on Kinetics.

    ``twice`` trains as ``segments`` and may be tested with two clips: the middle frame of each part, and its first.
    """

    sampling: str = "dense"  # dense: frame_interval apart; segments, or twice: one of each part; window: over 64 frames
    num_frames: int = 8  # T, frames a clip, or segments of several neighbouring frames
    frames_per_segment: int = 1  # neighbouring frames in place of each; a recipe takes what its network wants
    frame_interval: int = 8  # frames from one to the next of a dense clip
    past_end: str = "loop"  # what a video shorter than the clip does: loop or repeat_last
    short_side: int = 256  # pixels, before cropping
    crop_size: int = 224  # pixels
    scales: tuple[float, ...] = SCALES  # of the multi-scale training crop
    decoder: str = "auto"  # auto (decord, and PyAV where it must), decord or pyav
    crop_positions: int = 5  # of that crop: 5 (TSN, DNR) or 13 (TSM, TANet, TDN)

    def __post_init__(self) -> None:
        if self.sampling not in SAMPLINGS or self.past_end not in sampling.PAST_END:
            raise ValueError(
                f"expected sampling in {SAMPLINGS} and past_end in {sampling.PAST_END}, "
                f"got {self.sampling!r} and {self.past_end!r}"
            )
        if self.decoder not in DECODERS:
            raise ValueError(f"expected a decoder of {', '.join(DECODERS)}, got {self.decoder!r}")
        if self.sampling != "segments" and self.frames_per_segment > 1:
            raise ValueError(
                f"expected sampling segments for a network of {self.frames_per_segment} neighbouring frames (TDN), "
                f"got {self.sampling!r}"
            )
        names = ("num_frames", "frames_per_segment", "frame_interval", "crop_size", "short_side")
        numbers = {name: getattr(self, name) for name in names}
        small = [f"{name} of {value}" for name, value in numbers.items() if value < 1]
        if small:
            raise ValueError(f"expected numbers of at least 1, got {' and '.join(small)}")
        if self.crop_size > self.short_side:
            raise ValueError(
                f"expected a crop within the frame, got crop_size {self.crop_size} and short_side {self.short_side} "
                "(pixels); lower crop_size or raise short_side"
            )
        if not self.scales or not all(0 < scale <= 1 for scale in self.scales):
            raise ValueError(f"expected scales in (0, 1], got {self.scales}")
        if self.crop_positions not in CROP_POSITIONS:
            raise ValueError(f"expected crop_positions in {tuple(CROP_POSITIONS)}, got {self.crop_positions}")


def clip_shape(config: DataConfig) -> tuple[int, int, int, int]:
    """Of a clip, without its batch: (3, T * frames_per_segment, crop, crop)."""
    return 3, config.num_frames * config.frames_per_segment, config.crop_size, config.crop_size


def clip_indices(num_frames: int, config: DataConfig, generator: torch.Generator) -> Tensor:
    """Frame numbers (T * frames_per_segment,) of a training clip of a video of ``num_frames``."""
    clip_len, neighbours = config.num_frames, config.frames_per_segment
    if config.sampling == "segments" and neighbours > 1:
        return sampling.neighbour_indices(num_frames, clip_len, neighbours, generator)
    if config.sampling in ("segments", "twice"):
        return sampling.segment_indices(num_frames, clip_len, generator)
    if config.sampling == "window":
        indices = sampling.window_indices(num_frames, clip_len, generator)
    else:
        indices = sampling.dense_indices(num_frames, clip_len, config.frame_interval, generator)
    return sampling.within_video(indices, num_frames, config.past_end)


def view_indices(num_frames: int, config: DataConfig, num_clips: int) -> Tensor:
    """Frame numbers (V, T * frames_per_segment) of the test clips of a video of ``num_frames``."""
    clip_len, neighbours = config.num_frames, config.frames_per_segment
    if config.sampling == "segments" and neighbours > 1:
        return sampling.neighbour_test_indices(num_frames, clip_len, neighbours, num_clips)
    if config.sampling == "segments":
        return sampling.segment_test_indices(num_frames, clip_len, num_clips)
    if config.sampling == "twice":
        return sampling.twice_test_indices(num_frames, clip_len, num_clips)
    if config.sampling == "window":
        indices = sampling.window_test_indices(num_frames, clip_len, num_clips)
    else:
        indices = sampling.dense_test_indices(num_frames, clip_len, config.frame_interval, num_clips)
    return sampling.within_video(indices, num_frames, config.past_end)

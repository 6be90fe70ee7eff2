"""What a clip is, as a value, and the frame indices of the clips of a video."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dnrlab.data import sampling
from dnrlab.data.decode.reader import DECODERS
from dnrlab.data.transforms import CROP_POSITIONS, SCALES


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
        choices: dict[str, Collection[Any]] = {
            "sampling": SAMPLERS,
            "past_end": sampling.PAST_END,
            "decoder": DECODERS,
            "crop_positions": CROP_POSITIONS,
        }
        for name, known in choices.items():
            if (value := getattr(self, name)) not in known:
                raise ValueError(f"expected {name} to be one of {', '.join(map(str, known))}, got {value!r}")
        for name in ("num_frames", "frames_per_segment", "frame_interval", "short_side", "crop_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} of at least 1, got {getattr(self, name)}")
        if self.sampling != "segments" and self.frames_per_segment > 1:
            raise ValueError(
                f"expected sampling segments with {self.frames_per_segment} frames per segment (TDN), "
                f"got {self.sampling!r}; leave sampling out"
            )
        if self.crop_size > self.short_side:
            raise ValueError(
                f"expected a crop within the frame, got crop_size {self.crop_size} and short_side {self.short_side} "
                "(pixels); lower crop_size or raise short_side"
            )
        if not self.scales or not all(0 < scale <= 1 for scale in self.scales):
            raise ValueError(f"expected scales in (0, 1], got {self.scales}")


class Sampler(NamedTuple):
    """Frame indices of the clips of a video of N frames: in training, and in a test with V clips.

    Indices past the end are still to be moved into the video; see ``within_video``.
    """

    train: Callable[[int, DataConfig, torch.Generator], Tensor]  # (T * frames_per_segment,)
    test: Callable[[int, DataConfig, int], Tensor]  # (V, T * frames_per_segment)


def segments_in_training(num_frames: int, config: DataConfig, generator: torch.Generator) -> Tensor:
    """One random frame from each of T parts, or neighbouring frames from there on."""
    if config.frames_per_segment > 1:
        return sampling.neighbour_indices(num_frames, config.num_frames, config.frames_per_segment, generator)
    return sampling.segment_indices(num_frames, config.num_frames, generator)


def segments_in_test(num_frames: int, config: DataConfig, num_clips: int) -> Tensor:
    """Fixed frames from each of T parts, or neighbouring frames from there on."""
    if config.frames_per_segment > 1:
        return sampling.neighbour_test_indices(num_frames, config.num_frames, config.frames_per_segment, num_clips)
    return sampling.segment_test_indices(num_frames, config.num_frames, num_clips)


SAMPLERS = {
    "segments": Sampler(segments_in_training, segments_in_test),
    "twice": Sampler(
        segments_in_training, lambda n, config, clips: sampling.twice_test_indices(n, config.num_frames, clips)
    ),
    "dense": Sampler(
        lambda n, config, generator: sampling.dense_indices(n, config.num_frames, config.frame_interval, generator),
        lambda n, config, clips: sampling.dense_test_indices(n, config.num_frames, config.frame_interval, clips),
    ),
    "window": Sampler(
        lambda n, config, generator: sampling.window_indices(n, config.num_frames, generator),
        lambda n, config, clips: sampling.window_test_indices(n, config.num_frames, clips),
    ),
}


def clip_shape(config: DataConfig) -> tuple[int, int, int, int]:
    """Shape of a clip without its batch: (3, T * frames_per_segment, crop, crop)."""
    return 3, config.num_frames * config.frames_per_segment, config.crop_size, config.crop_size


def clip_indices(num_frames: int, config: DataConfig, generator: torch.Generator) -> Tensor:
    """Frame indices (T * frames_per_segment,) of a training clip of a video of ``num_frames``."""
    indices = SAMPLERS[config.sampling].train(num_frames, config, generator)
    return sampling.within_video(indices, num_frames, config.past_end)


def view_indices(num_frames: int, config: DataConfig, num_clips: int) -> Tensor:
    """Frame indices (V, T * frames_per_segment) of the test clips of a video of ``num_frames``."""
    indices = SAMPLERS[config.sampling].test(num_frames, config, num_clips)
    return sampling.within_video(indices, num_frames, config.past_end)

"""The configuration of clips, and the frame indices of the clips of a video."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dnrlab.data import sampling
from dnrlab.data.decode.reader import DECODERS
from dnrlab.data.transforms import CROP_POSITIONS, SCALES

MOST = 1_000_000  # of frames and pixels
MOST_PIXELS = 1_000_000_000  # of the frames of a clip: 3 GB of bytes


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """How a clip is made from a video. The defaults are the paper's on Kinetics.

    ``twice`` trains like ``segments``. It can be tested with two clips: the middle frame and the first frame of each
    part.
    """

    sampling: str = "dense"  # dense: frame_interval apart; segments, twice: one from each part; window: over 64 frames
    num_frames: int = 8  # T, frames per clip; for TDN, segments per clip
    frames_per_segment: int = 1  # neighbouring frames in place of each of the T; set by the network: 5 for TDN
    frame_interval: int = 8  # distance between the frames of a dense clip, in frames of the video
    past_end: str = "loop"  # how to fill a clip longer than its video: loop or repeat_last
    short_side: int = 256  # shorter side of the resized frames before cropping, pixels
    crop_size: int = 224  # side of the square crop, pixels
    scales: tuple[float, ...] = SCALES  # sizes of the training crop, as parts of the shorter side
    decoder: str = "auto"  # auto (decord, or PyAV for files that decord cannot read), decord or pyav
    crop_positions: int = 5  # positions of the training crop: 5 (TSN, DNR) or 13 (TSM, TANet, TDN)

    def __post_init__(self) -> None:
        choices: dict[str, Collection[Any]] = {
            "sampling": SAMPLERS,
            "past_end": sampling.PAST_END,
            "decoder": DECODERS,
            "crop_positions": CROP_POSITIONS,
        }
        for name, known in choices.items():
            if (value := getattr(self, name)) not in known:
                raise ValueError(
                    f"expected {name} to be one of {', '.join(map(str, known))}, got {value!r}; choose one"
                )
        for name in ("num_frames", "frames_per_segment", "frame_interval", "short_side", "crop_size"):
            if not 1 <= getattr(self, name) <= MOST:
                raise ValueError(f"expected {name} from 1 to {MOST:,}, got {getattr(self, name)}; correct it")
        if self.sampling != "segments" and self.frames_per_segment > 1:
            raise ValueError(
                f"expected sampling 'segments' with frames_per_segment {self.frames_per_segment} (TDN), "
                f"got {self.sampling!r}; set sampling to segments"
            )
        if (pixels := self.num_frames * self.frames_per_segment * self.short_side**2) > MOST_PIXELS:
            raise ValueError(
                f"expected clips of at most {MOST_PIXELS:,} pixels, got {pixels:,} with num_frames {self.num_frames} "
                f"and short_side {self.short_side}; lower one of them"
            )
        if self.crop_size > self.short_side:
            raise ValueError(
                f"expected crop_size of at most short_side, got crop_size {self.crop_size} and short_side "
                f"{self.short_side} (pixels); lower crop_size or raise short_side"
            )
        if not self.scales or not all(0 < scale <= 1 for scale in self.scales):
            raise ValueError(
                f"expected at least one scale, each in (0, 1], got scales {self.scales}; such as (1.0, 0.9)"
            )


class Sampler(NamedTuple):
    """Frame indices of the clips of a video: one training clip, or V test clips.

    The indices may be past the end of the video. ``within_video`` then moves them into the video.
    """

    train: Callable[[int, DataConfig, torch.Generator], Tensor]  # (T * frames_per_segment,)
    test: Callable[[int, DataConfig, int], Tensor]  # (V, T * frames_per_segment)


def segments_in_training(num_frames: int, config: DataConfig, generator: torch.Generator) -> Tensor:
    """One random frame from each of T parts, or the neighbouring frames that start there."""
    if config.frames_per_segment > 1:
        return sampling.neighbour_indices(num_frames, config.num_frames, config.frames_per_segment, generator)
    return sampling.segment_indices(num_frames, config.num_frames, generator)


def segments_in_test(num_frames: int, config: DataConfig, num_clips: int) -> Tensor:
    """Fixed frames from each of T parts, or the neighbouring frames that start there."""
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
    """Shape of a clip without the batch axis: (3, T * frames_per_segment, crop, crop)."""
    return 3, config.num_frames * config.frames_per_segment, config.crop_size, config.crop_size


def clip_indices(num_frames: int, config: DataConfig, generator: torch.Generator) -> Tensor:
    """Frame indices (T * frames_per_segment,) of a training clip, for a video of ``num_frames`` frames."""
    indices = SAMPLERS[config.sampling].train(num_frames, config, generator)
    return sampling.within_video(indices, num_frames, config.past_end)


def view_indices(num_frames: int, config: DataConfig, num_clips: int) -> Tensor:
    """Frame indices (V, T * frames_per_segment) of the test clips, for a video of ``num_frames`` frames."""
    indices = SAMPLERS[config.sampling].test(num_frames, config, num_clips)
    return sampling.within_video(indices, num_frames, config.past_end)

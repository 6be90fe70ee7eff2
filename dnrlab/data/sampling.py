"""The frame indices of clips: arithmetic on integers.

A video has N frames, a clip has T frames, and a video gives V clips. Training functions take a generator. Test
functions take none, so that an evaluation never depends on a seed.

Sources: Feichtenhofer et al., "SlowFast", ICCV 2019 (dense); Wang et al., "TSN", ECCV 2016 (segments); Lin et al.,
"TSM", ICCV 2019 (twice); Liu et al., "TAM", ICCV 2021 (64-window); Wang et al., "TDN", CVPR 2021 (neighbours).
"""

import torch
from torch import Tensor

PAST_END = ("loop", "repeat_last")
WINDOW = 64  # frames, the span of a TANet clip on Kinetics


def dense_indices(num_frames: int, clip_len: int, frame_interval: int, generator: torch.Generator) -> Tensor:
    """Training, dense: T frames, ``frame_interval`` apart, from a random start in [0, max(N - span, 0)].

    8 frames, 8 apart, span 57 frames. Returns (T,) int64, which may lie past the end: see ``within_video``.
    """
    check_positive(num_frames=num_frames, clip_len=clip_len, frame_interval=frame_interval)
    free = max(num_frames - span(clip_len, frame_interval), 0)
    start = torch.randint(free + 1, (1,), generator=generator)
    return start + torch.arange(clip_len) * frame_interval


def dense_test_indices(num_frames: int, clip_len: int, frame_interval: int, num_clips: int) -> Tensor:
    """Test, dense: V clips with evenly spread starts. V = 1 gives the middle clip.

    start_i = round(i * max(N - span, 0) / (V - 1)), halves to even. With N = 300, V = 10 and 8 frames, 8 apart, the
    starts are 0, 27, 54, 81, 108, 135, 162, 189, 216, 243. Returns (V, T) int64, which may lie past the end.
    """
    check_positive(num_frames=num_frames, clip_len=clip_len, frame_interval=frame_interval, num_clips=num_clips)
    free = max(num_frames - span(clip_len, frame_interval), 0)
    starts = [free // 2] if num_clips == 1 else [round(i * free / (num_clips - 1)) for i in range(num_clips)]
    return torch.tensor(starts)[:, None] + torch.arange(clip_len) * frame_interval


def segment_indices(num_frames: int, num_segments: int, generator: torch.Generator) -> Tensor:
    """Training, segments: one random frame from each of T parts of L = N // T frames, i * L + [0, L).

    If N <= T, the indices are T random frames, sorted. Returns (T,) int64, non-decreasing, each in [0, N).
    """
    check_positive(num_frames=num_frames, num_segments=num_segments)
    if num_frames <= num_segments:
        return torch.randint(num_frames, (num_segments,), generator=generator).sort().values
    length = num_frames // num_segments
    return torch.arange(num_segments) * length + torch.randint(length, (num_segments,), generator=generator)


def segment_test_indices(num_frames: int, num_segments: int, num_clips: int = 1) -> Tensor:
    """Test, segments: the middle frame of each of T parts. For V > 1 the parts are divided again, one piece per clip.

    Clip v takes floor((i + (v + 0.5) / V) * N / T) from part i. 10 frames in 4 parts give [1, 3, 6, 8]; with V = 2
    they give [0, 3, 5, 8] and [1, 4, 6, 9]. Returns (V, T) int64, each in [0, N).
    """
    check_positive(num_frames=num_frames, num_segments=num_segments, num_clips=num_clips)
    segment, clip = torch.arange(num_segments), torch.arange(num_clips)[:, None]
    return (2 * num_clips * segment + 2 * clip + 1) * num_frames // (2 * num_clips * num_segments)


def twice_test_indices(num_frames: int, num_segments: int, num_clips: int = 2) -> Tensor:
    """Test, "twice": one clip of the middle frames of the parts, and one of their first frames.

    10 frames in 4 parts give [1, 3, 6, 8] and [0, 2, 5, 7]. Returns (V, T) int64; V = 1 gives the middle frames alone.

    Raises: ValueError unless V is 1 or 2.
    """
    if num_clips not in (1, 2):
        raise ValueError(f"expected num_clips of 1 or 2 for the sampling twice, got {num_clips}; use segments")
    first = torch.arange(num_segments) * num_frames // num_segments
    return torch.cat([segment_test_indices(num_frames, num_segments), first[None]])[:num_clips]


def window_indices(num_frames: int, clip_len: int, generator: torch.Generator, window: int = WINDOW) -> Tensor:
    """Training, dense 64-window (TANet): T frames, 64 // T apart, from a random start in [0, max(N - 64, 0)].

    Returns (T,) int64, which may lie past the end.
    """
    check_positive(num_frames=num_frames, clip_len=clip_len)
    start = torch.randint(max(num_frames - window, 0) + 1, (1,), generator=generator)
    return start + torch.arange(clip_len) * max(window // clip_len, 1)


def window_test_indices(num_frames: int, clip_len: int, num_clips: int, window: int = WINDOW) -> Tensor:
    """Test, dense 64-window: V clips with evenly spread starts i * M // (V - 1), where M = max(1, N - 63) - 1.

    N = 300 and V = 10 give the starts 0, 26, 52, 78, 104, 131, 157, 183, 209, 236. V = 1 starts at
    max(1, N - 63) // 2. Returns (V, T) int64, which may lie past the end.
    """
    check_positive(num_frames=num_frames, clip_len=clip_len, num_clips=num_clips)
    num_starts = max(1, num_frames - window + 1)
    starts = (
        [num_starts // 2] if num_clips == 1 else [i * (num_starts - 1) // (num_clips - 1) for i in range(num_clips)]
    )
    return torch.tensor(starts)[:, None] + torch.arange(clip_len) * max(window // clip_len, 1)


def neighbour_indices(num_frames: int, num_segments: int, neighbours: int, generator: torch.Generator) -> Tensor:
    """Training, TDN: ``neighbours`` consecutive frames in each of T segments.

    Each segment's first index comes from ``segment_indices`` over N - neighbours + 1 frames, which leaves room for the
    neighbours: N - 4 for five. Returns (T * neighbours,) int64, segment by segment, each in [0, N).
    """
    check_positive(num_frames=num_frames, num_segments=num_segments, neighbours=neighbours)
    starts = segment_indices(max(num_frames - neighbours + 1, 1), num_segments, generator)
    return following(starts, neighbours, num_frames)


def neighbour_test_indices(num_frames: int, num_segments: int, neighbours: int, num_clips: int = 1) -> Tensor:
    """Test, TDN: ``neighbours`` consecutive frames in each of T segments.

    For five neighbours the first index of segment i is floor((i + (v + 0.5) / V) * (N - 4) / T) if N > T + 4, and 0
    otherwise. N = 40, T = 8 and V = 1 give the first indices 2, 6, 11, 15, 20, 24, 29, 33.
    Returns (V, T * neighbours) int64.
    """
    check_positive(num_frames=num_frames, num_segments=num_segments, neighbours=neighbours, num_clips=num_clips)
    room = num_frames - neighbours + 1
    if room > num_segments:
        starts = segment_test_indices(room, num_segments, num_clips)
    else:
        starts = torch.zeros(num_clips, num_segments, dtype=torch.int64)
    return following(starts, neighbours, num_frames)


def following(indices: Tensor, neighbours: int, num_frames: int) -> Tensor:
    """Each of the indices (…, T) with the indices after it, clamped to the last frame: (…, T * neighbours).

    [2, 7] with three neighbours in 9 frames give [2, 3, 4, 7, 8, 8].
    """
    return (indices[..., None] + torch.arange(neighbours)).clamp(max=num_frames - 1).flatten(-2)


def within_video(indices: Tensor, num_frames: int, past_end: str = "loop") -> Tensor:
    """Bring indices (…, T) past the end back into a video of N frames. The first index of each clip lies within it.

    ``loop`` counts on from the start. ``repeat_last`` repeats the last sampled frame that lies within the video.
    [0, 8, 16] in 10 frames give [0, 8, 6] or [0, 8, 8].
    """
    if past_end not in PAST_END:
        raise ValueError(f"expected past_end {', '.join(PAST_END)}, got {past_end!r}; choose one of these")
    if past_end == "loop":
        return indices % num_frames
    return indices.where(indices < num_frames, 0).cummax(-1).values


def span(clip_len: int, frame_interval: int) -> int:
    """The number of frames from the first to the last of a dense clip, both included: 8 frames, 8 apart, span 57."""
    return (clip_len - 1) * frame_interval + 1


def check_positive(**counts: int) -> None:
    """Raise ValueError that names each count below 1."""
    low = {name: count for name, count in counts.items() if count < 1}
    if low:
        got = ", ".join(f"{name} {count}" for name, count in low.items())
        raise ValueError(f"expected counts of at least 1, got {got}; raise {' and '.join(low)}")

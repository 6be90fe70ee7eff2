"""Index samplers on worked examples."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dnrlab.data import sampling


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_dense_test_starts_of_a_kinetics_video():
    clips = sampling.dense_test_indices(300, 8, 8, 10)
    assert clips[:, 0].tolist() == [0, 27, 54, 81, 108, 135, 162, 189, 216, 243]
    assert clips[3].tolist() == [81, 89, 97, 105, 113, 121, 129, 137]
    assert sampling.span(8, 8) == 57


def test_one_dense_clip_stands_in_the_middle():
    assert sampling.dense_test_indices(300, 8, 8, 1)[0, 0] == 121
    assert sampling.dense_test_indices(60, 8, 8, 1)[0, 0] == 1


def test_halves_of_dense_starts_round_to_even():
    assert sampling.dense_test_indices(57 + 5, 8, 8, 3)[:, 0].tolist() == [0, 2, 5]  # 2.5 gives 2
    assert sampling.dense_test_indices(57 + 7, 8, 8, 3)[:, 0].tolist() == [0, 4, 7]  # 3.5 gives 4


def test_a_video_shorter_than_the_span_starts_at_zero_and_loops_or_holds():
    (clip,) = sampling.dense_test_indices(10, 4, 8, 1)
    assert clip.tolist() == [0, 8, 16, 24]
    assert sampling.within_video(clip, 10).tolist() == [0, 8, 6, 4]
    assert sampling.within_video(clip, 10, "repeat_last").tolist() == [0, 8, 8, 8]
    views = torch.tensor([[0, 8, 16], [1, 9, 17], [2, 3, 4]])
    assert sampling.within_video(views, 10, "repeat_last").tolist() == [[0, 8, 8], [1, 9, 9], [2, 3, 4]]


def test_dense_training_reaches_every_start_and_no_other():
    starts = {int(sampling.dense_indices(60, 8, 8, generator(seed))[0]) for seed in range(200)}
    assert starts == {0, 1, 2, 3}


def test_segment_test_indices():
    assert sampling.segment_test_indices(10, 4).tolist() == [[1, 3, 6, 8]]
    assert sampling.segment_test_indices(10, 4, 2).tolist() == [[0, 3, 5, 8], [1, 4, 6, 9]]
    assert sampling.twice_test_indices(10, 4).tolist() == [[1, 3, 6, 8], [0, 2, 5, 7]]
    assert sampling.twice_test_indices(10, 4, 1).tolist() == [[1, 3, 6, 8]]
    with pytest.raises(ValueError, match="num_clips of 1 or 2 for the sampling twice, got 3; use segments"):
        sampling.twice_test_indices(10, 4, 3)


def test_segments_of_24_frames_are_the_same_backwards():
    (forward,) = sampling.segment_test_indices(24, 8)
    assert (23 - forward).flip(0).tolist() == forward.tolist()


def test_training_segments_draw_from_parts_of_whole_length():
    drawn = torch.stack([sampling.segment_indices(27, 4, generator(seed)) for seed in range(300)])  # parts of 6
    assert [sorted(set(column.tolist())) for column in drawn.T] == [list(range(i * 6, i * 6 + 6)) for i in range(4)]


@given(num_frames=st.integers(1, 400), count=st.integers(1, 20), clips=st.integers(1, 12), seed=st.integers(0, 99))
@settings(max_examples=100, deadline=None)
def test_segments_stay_in_order_inside_the_video(num_frames, count, clips, seed):
    training = sampling.segment_indices(num_frames, count, generator(seed))
    for indices in [training, *sampling.segment_test_indices(num_frames, count, clips)]:
        assert len(indices) == count
        assert indices[0] >= 0
        assert indices[-1] < num_frames
        assert (indices.diff() >= 0).all()


def test_window_of_64_frames():
    starts = sampling.window_test_indices(300, 8, 10)[:, 0].tolist()
    assert starts == [0, 26, 52, 78, 104, 131, 157, 183, 209, 236]
    assert sampling.window_test_indices(300, 8, 1)[0].tolist() == list(range(118, 118 + 64, 8))
    assert sampling.window_test_indices(40, 8, 3)[:, 0].tolist() == [0, 0, 0]
    drawn = {int(sampling.window_indices(66, 16, generator(seed))[0]) for seed in range(100)}
    assert drawn == {0, 1, 2}
    assert sampling.window_indices(64, 16, generator()).tolist() == list(range(0, 64, 4))


def test_segments_of_five_neighbours():
    (clip,) = sampling.neighbour_test_indices(40, 8, 5)
    assert clip[::5].tolist() == [2, 6, 11, 15, 20, 24, 29, 33]
    assert clip[5:10].tolist() == [6, 7, 8, 9, 10]
    assert sampling.neighbour_test_indices(12, 8, 5)[0, ::5].tolist() == [0] * 8  # N = T + 4
    assert sampling.neighbour_test_indices(3, 2, 5).tolist() == [[0, 1, 2, 2, 2] * 2]
    assert sampling.following(torch.tensor([2, 7]), 3, 9).tolist() == [2, 3, 4, 7, 8, 8]
    drawn = torch.stack([sampling.neighbour_indices(28, 4, 5, generator(seed)) for seed in range(300)])  # parts of 6
    firsts = [sorted(set(column.tolist())) for column in drawn[:, ::5].T]
    assert firsts == [[*range(i * 6, i * 6 + 6)] for i in range(4)]
    assert (drawn.view(300, 4, 5).diff(dim=2) == 1).all()


@given(num_frames=st.integers(1, 90), count=st.integers(1, 9), clips=st.integers(1, 4), seed=st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_neighbours_stay_inside_the_video(num_frames, count, clips, seed):
    training = sampling.neighbour_indices(num_frames, count, 5, generator(seed))
    for indices in [training, *sampling.neighbour_test_indices(num_frames, count, 5, clips)]:
        assert len(indices) == 5 * count
        assert indices.min() >= 0
        assert indices.max() < num_frames


def test_counts_below_one_and_unknown_names_are_refused():
    with pytest.raises(ValueError, match=r"at least 1, got num_frames 0; raise num_frames"):
        sampling.segment_test_indices(0, 8)
    with pytest.raises(ValueError, match=r"loop, repeat_last, got 'wrap'"):
        sampling.within_video(torch.arange(3), 3, "wrap")

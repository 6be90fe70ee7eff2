"""Crops, flips and views."""

import pytest
import torch

from dnrlab.data import transforms


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def ramp(height, width, frames=2):
    """Frames (T, 3, H, W) whose red is the row, green the column, blue the frame."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([torch.stack([rows, columns, torch.full_like(rows, t)]) for t in range(frames)]).to(torch.uint8)


def test_the_short_side_gets_its_size_and_the_other_follows():
    assert transforms.resize_short_side(ramp(120, 160), 60).shape == (2, 3, 60, 80)
    assert transforms.resize_short_side(ramp(160, 120), 60).shape == (2, 3, 80, 60)
    same = ramp(60, 90)
    assert transforms.resize_short_side(same, 60) is same


def test_three_crops_stand_at_both_ends_and_in_the_middle_of_the_longer_side():
    assert [left for _, left, _, _ in transforms.crop_boxes(256, 340, 256, 3)] == [0, 42, 84]
    assert [top for top, _, _, _ in transforms.crop_boxes(340, 256, 256, 3)] == [0, 42, 84]
    assert transforms.crop_boxes(256, 340, 224, 1) == [(16, 58, 224, 224)]


def test_evaluation_clips_hold_the_pixels_of_their_boxes():
    clips = transforms.evaluation_clips(ramp(60, 90), short_side=60, crop_size=60, num_crops=3)
    assert clips.shape == (3, 3, 2, 60, 60)
    assert clips.dtype == torch.uint8
    assert clips[:, 1, 0, 0, 0].tolist() == [0, 15, 30]
    assert clips[0, 2, :, 0, 0].tolist() == [0, 1]


def test_multi_scale_boxes_have_scaled_sides_one_step_apart_at_five_places():
    sizes, places = set(), set()
    for seed in range(500):
        top, left, height, width = transforms.multi_scale_crop(100, 120, (1, 0.875, 0.75, 0.66), generator(seed))
        sizes.add((height, width))
        if (height, width) == (75, 75):
            places.add((top, left))
    steps = [100, 87, 75, 66]
    assert sizes == {(h, w) for i, h in enumerate(steps) for j, w in enumerate(steps) if abs(i - j) <= 1}
    assert places == {(0, 0), (0, 44), (24, 0), (24, 44), (12, 22)}


def places_of_a_box(height, width, side, positions):
    """Tops and lefts of a random box of one size."""
    boxes = [
        transforms.multi_scale_crop(height, width, (side / min(height, width),), generator(seed), positions=positions)
        for seed in range(300)
    ]
    assert {box[2:] for box in boxes} == {(side, side)}
    return {box[:2] for box in boxes}


def test_thirteen_places_on_a_worked_example():
    corners_and_centre = {(0, 0), (0, 44), (24, 0), (24, 44), (12, 22)}
    edge_middles, halfway = {(0, 22), (24, 22), (12, 0), (12, 44)}, {(6, 11), (6, 33), (18, 11), (18, 33)}
    assert places_of_a_box(100, 120, 75, 5) == corners_and_centre
    assert places_of_a_box(100, 120, 75, 13) == corners_and_centre | edge_middles | halfway


def test_thirteen_places_are_every_other_point_of_a_grid_of_quarters():
    down, right = (256 - 168) // 4, (341 - 168) // 4
    board = {(i * down, j * right) for i in range(5) for j in range(5) if (i + j) % 2 == 0}
    assert places_of_a_box(256, 341, 168, 13) == board


def test_a_training_clip_is_one_crop_for_all_frames():
    frames = ramp(60, 60, frames=3)
    frames[:, 2] = 0
    clip, _ = transforms.training_clip(
        frames, short_side=60, crop_size=32, scales=(1.0, 0.75), flip=False, generator=generator()
    )
    assert clip.shape == (3, 3, 32, 32)
    assert clip.dtype == torch.uint8
    assert torch.equal(clip[:, 0], clip[:, 2])


def test_only_a_data_set_that_allows_it_is_mirrored():
    def mirrored(flip):
        clips = [
            transforms.training_clip(
                ramp(32, 32), short_side=32, crop_size=32, scales=(1.0,), flip=flip, generator=generator(seed)
            )
            for seed in range(100)
        ]
        found = [bool(clip[1, 0, 0, 0] > clip[1, 0, 0, -1]) for clip, _ in clips]
        assert found == [label for _, label in clips]
        return sum(found)

    assert mirrored(False) == 0
    assert 30 < mirrored(True) < 70


def test_normalize_takes_imagenets_mean_and_deviation_out():
    clips = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1, 1) + 0.5
    expected = 0.5 / torch.tensor([0.229, 0.224, 0.225])
    torch.testing.assert_close(transforms.normalize(clips).flatten(), expected)


def test_bytes_and_numbers_in_the_unit_interval_are_normalised_alike():
    clips = torch.arange(256, dtype=torch.uint8).view(1, 1, 1, 16, 16).expand(2, 3, 4, 16, 16)
    assert torch.equal(transforms.normalize(clips), transforms.normalize(clips.float() / 255))
    assert transforms.to_unit(clips).amax() == 1
    assert transforms.to_unit(clips.double() / 255).dtype == torch.float64


def test_a_crop_larger_than_the_frame_and_another_number_of_crops_are_refused():
    with pytest.raises(ValueError, match=r"crop_size of at most 60 .*, got 64; lower crop_size"):
        transforms.crop_boxes(60, 90, 64, 1)
    with pytest.raises(ValueError, match=r"num_crops of 1 or 3, got 5"):
        transforms.crop_boxes(60, 90, 32, 5)

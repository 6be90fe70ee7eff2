"""Grad-CAM++ on a case computed by hand and on planted evidence; recording of gamma and beta; plots by their data."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from dnrlab import DNRConfig, create_model
from dnrlab.data.config import DataConfig
from dnrlab.data.manifest import read_manifest, select
from dnrlab.explain import clip_gradcam, record_dynamics
from dnrlab.explain.cam.gradcam import clip_weights, scale_to_unit
from dnrlab.explain.clips import choose_rows, view_clip
from dnrlab.plots import CamRow, block_dynamics, confusion, gradcam_figure, group_dynamics, training_curves
from dnrlab.relay.axes import split_time
from tests.helpers.networks import Planted


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_weights_on_a_case_computed_by_hand():
    # Two frames of 1 x 2 pixels, two channels. Channel 0: activations 1, 3 | 0, 2 (sum 6), gradients 1, -1 | 0.5, 0.
    activations = np.zeros((1, 2, 2, 1, 2), dtype=np.float32)
    gradients = np.zeros_like(activations)
    activations[0, 0] = [[[1, 3]], [[0, 2]]]
    gradients[0, 0] = [[[1, -1]], [[0.5, 0]]]
    gradients[0, 1] = [[[2, 0]], [[0, 0]]]  # channel 1 is silent: sum 0
    expected = [[1 / (2 + 6 * 1) + 0.5 / (2 + 6 * 0.5), 2 / 2]]
    np.testing.assert_allclose(clip_weights(activations, gradients), expected, rtol=1e-6)


def test_weights_follow_the_definition_by_derivatives_of_the_exponential():
    """alpha from the second and third derivative of Y = exp(S), S linear in A, up to the common factor exp(S)."""
    generator = np.random.default_rng(0)
    activations = generator.uniform(0, 1, (1, 3, 2, 2, 2))
    gradients = generator.normal(0, 1e-4, activations.shape)  # real gradients are this small
    y = np.exp((activations * gradients).sum())
    first, second, third = y * gradients, y * gradients**2, y * gradients**3
    total = activations.sum(axis=(2, 3, 4), keepdims=True)
    alpha = second / (2 * second + total * third)
    expected = (alpha * np.maximum(first, 0)).sum(axis=(2, 3, 4)) / y
    np.testing.assert_allclose(clip_weights(activations, gradients), expected, rtol=1e-9)


class Planted3D(Planted):
    """The same with features (N, C, T', h, w) at half the frames."""

    def __init__(self):
        super().__init__()
        self.features = torch.nn.Sequential(torch.nn.AvgPool3d((2, 4, 4)), torch.nn.ReLU())

    def forward(self, clips):
        red = self.features(clips * self.scale)[:, 0].mean(dim=(1, 2, 3))
        return torch.stack([-red, red], dim=1)


@pytest.mark.parametrize("network", [Planted, Planted3D])
def test_the_map_finds_planted_evidence_in_space_and_time(network):
    clips = torch.zeros(2, 3, 4, 16, 16)
    clips[0, 0, 2:, 4:8, 8:12] = 1  # red, in the last two frames
    clips[1, 0, :2, 12:, :4] = 0.5
    clips[:, 1] = 1  # green, everywhere, is no evidence
    heat = clip_gradcam(network(), clips, [1, 1], "features")
    assert heat.shape == (2, 4, 16, 16)
    assert heat[0].argmax() // 256 >= 2
    assert heat[0, 3, 6, 10] == heat[0].max() == 1
    assert heat[1, 0, 14, 1] == heat[1].max() == 1  # half as bright: each clip has its own scale
    assert heat[0, 0].max() < 0.3
    assert heat[0, :, :2, :2].max() == 0


def test_no_evidence_gives_an_empty_map_and_the_model_is_left_as_it_was():
    model, clips = Planted().train(), torch.zeros(1, 3, 2, 8, 8)
    clips[:, 0] = torch.rand(8, 8)
    assert clip_gradcam(model, clips, [0], "features").max() == 0  # red speaks against class 0
    assert model.training
    assert model.scale.grad is None
    assert not model.features._forward_hooks


def test_a_block_that_hands_the_relay_on_can_be_explained():
    model, clips = dnr_network(), torch.rand(2, 3, 5, 64, 64)
    heat = clip_gradcam(model, clips, [0, 1], "layer2.1")
    torch.testing.assert_close(heat, clip_gradcam(model, clips, [0, 1], "layer2"))  # the stage ends with it


def test_importance_over_time_is_in_the_map():
    heat = scale_to_unit(torch.tensor([1.0, 2.0, 5.0]).view(1, 3, 1, 1))
    assert heat.flatten().tolist() == [0, 0.25, 1]


def test_gradcam_refuses_what_it_would_get_wrong():
    model, clips = Planted(), torch.rand(2, 3, 2, 8, 8)
    with pytest.raises(ValueError, match=r"N classes, got clips \(2, 3, 2, 8, 8\) of torch.float32 and 1 classes"):
        clip_gradcam(model, clips, [1], "features")
    with pytest.raises(ValueError, match=r"got 'layer4'; choose for example one of features"):
        clip_gradcam(model, clips, [1, 1])
    with pytest.raises(ValueError, match=r"ends in a ReLU, got an activation of -"):
        clip_weights(-np.ones((1, 1, 1, 1, 1)), np.ones((1, 1, 1, 1, 1)))
    with pytest.raises(ValueError, match=r"class in \[0, 2\), got 2"):
        clip_gradcam(model.train(), clips, [1, 2], "features")
    assert model.training
    tsn = create_model("tsn_resnet18", num_classes=2, width=8)
    with pytest.raises(ValueError, match=r"run once per forward pass.*got 2 runs"):
        clip_gradcam(tsn, torch.rand(1, 3, 2, 32, 32), [1], "layer1.0.relu")


def dnr_network(name="tsn_resnet18"):
    return create_model(name, num_classes=3, num_frames=5, width=8, dnr=DNRConfig(relay_distance=2)).eval()


def test_recorded_parameters_are_those_of_the_cells():
    model, clips = dnr_network(), torch.rand(2, 3, 5, 32, 32)
    calls = []
    cell = model.layer2.get_submodule("1").bn1.lstm
    handle = cell.register_forward_hook(lambda _, inputs, state: calls.append(state))
    with record_dynamics(model) as dynamics:
        model(clips)
    handle.remove()
    table = dynamics.table()
    own = table[(table["layer"] == "layer2.1.bn1") & (table["kind"] == "cross_temporal")]
    assert len(calls) == 3
    for group, ((gamma, beta),) in enumerate(calls):
        rows = own[own["group"] == group].sort_values(["clip", "channel"])
        np.testing.assert_allclose(rows["gamma"], gamma.detach().flatten())
        np.testing.assert_allclose(rows["beta"], beta.detach().flatten())
    spans = own.drop_duplicates("group")[["first_frame", "last_frame"]].to_numpy().tolist()
    assert spans == [[0, 1], [2, 3], [4, 4]]


def test_both_sources_of_a_layer_add_up_to_what_it_applies():
    model, applied = dnr_network(), []
    norm = model.layer1.get_submodule("0").bn1
    with record_dynamics(model) as dynamics:
        handle = norm.register_forward_hook(lambda _, inputs, outputs: applied.append((inputs[0], outputs[0].clone())))
        model(torch.rand(2, 3, 5, 32, 32))
        handle.remove()
    table = dynamics.table()
    own = table[table["layer"] == "layer1.0.bn1"]
    assert own.groupby("kind")["group"].nunique().to_dict() == {"cross_layer": 1, "cross_temporal": 3}
    whole = own[own["kind"] == "cross_layer"]
    assert whole[["first_frame", "last_frame"]].drop_duplicates().to_numpy().tolist() == [[0, 4]]
    x, y = (split_time(each, 5) for each in applied[0])  # running statistics are 0 and 1: y is the affine map of x
    groups = own[own["kind"] == "cross_temporal"].merge(whole, on=["clip", "channel"])
    for row in groups.itertuples():
        frames = (row.clip, row.channel, row.first_frame_x)
        expected = (row.gamma_x + row.gamma_y) * x[frames] + row.beta_x + row.beta_y
        torch.testing.assert_close(y[frames], expected, rtol=1e-4, atol=1e-5)


def test_the_table_is_tidy_and_counts_clips_over_forward_passes():
    model = dnr_network("tsn_resnet50")
    with record_dynamics(model) as dynamics:
        model(torch.rand(2, 3, 5, 32, 32))
        model(torch.rand(1, 3, 5, 32, 32))
    table = dynamics.table()
    assert sorted(table["clip"].unique()) == [0, 1, 2]
    assert table.groupby("kind")["layer"].nunique().to_dict() == {"cross_layer": 16, "cross_temporal": 16}
    key = ["clip", "layer", "group", "channel"]
    assert not table.duplicated(key).any()
    first = table[(table["kind"] == "cross_layer") & (table["stage"] == "layer3")]
    assert sorted(first["block"].unique()) == [0, 1, 2, 3, 4, 5]
    model(torch.rand(1, 3, 5, 32, 32))  # after the block nothing is recorded
    assert len(dynamics.table()) == len(table)


def test_recording_a_network_without_dnr_is_refused():
    with pytest.raises(ValueError, match="a network with DNR"), record_dynamics(create_model("tsn_resnet18", width=8)):
        pass


def test_a_clip_for_people_is_the_crop_that_the_network_takes(synthetic):
    videos = select(read_manifest(synthetic), "test")
    view = view_clip(videos, 3, DataConfig(sampling="segments", short_side=18, crop_size=16), side=36)
    assert view.frame_indices == [1, 4, 7, 10, 13, 16, 19, 22]
    assert view.frames.shape == (8, 32, 32, 3)
    small = torch.nn.functional.avg_pool2d(torch.from_numpy(view.frames).permute(0, 3, 1, 2) / 255.0, 2)
    assert (small - view.clip.transpose(0, 1)).abs().mean() < 0.05
    assert view.label == videos.rows["label"][3]
    with pytest.raises(IndexError, match=r"row in \[0, 10\).*got 10"):
        view_clip(videos, 10, DataConfig())


def test_chosen_videos_are_of_different_classes_and_can_be_read(synthetic, caplog):
    videos = select(read_manifest(synthetic), "train")
    data = DataConfig(sampling="segments", short_side=18, crop_size=16)
    rows = choose_rows(videos, 4, data)
    assert videos.rows["label"][rows].nunique() == 4
    assert len(set(choose_rows(videos, 14, data))) == 14
    videos.rows.loc[rows[0], "path"] = "gone.mp4"
    others = choose_rows(videos, 4, data)
    assert others[1:] == rows[1:]
    assert videos.rows["label"][others[0]] == videos.rows["label"][rows[0]]
    assert "left out: gone.mp4: no such file" in caplog.text


def test_dollars_in_names_are_no_mathematics(tmp_path):
    frames, heat = np.zeros((1, 8, 8, 3), dtype=np.uint8), np.zeros((1, 8, 8), dtype=np.float32)
    rows = [CamRow(r"a$\b", "c$d", 0.5, heat)]  # mathematics that cannot be parsed
    figure = gradcam_figure(frames, rows, finding=r"a$\b says c$d", note="n", frame_indices=[0])
    figure.savefig(tmp_path / "dollars.png")
    matrix = pd.DataFrame([[1]], index=[r"a$\b$"], columns=[r"a$\b$"])
    confusion(matrix, "f", "n").savefig(tmp_path / "confusion.png")


def test_a_channel_has_one_colour_in_all_panels_of_a_layer():
    model = dnr_network()
    with record_dynamics(model) as dynamics:
        model(torch.rand(1, 3, 5, 32, 32))
    axes = group_dynamics(dynamics.table(), "f", "n").axes
    for gamma, beta in zip(axes[:4], axes[4:], strict=True):
        colours = [{line.get_label(): line.get_color() for line in panel.lines} for panel in (gamma, beta)]
        named = [{label: colour for label, colour in each.items() if not label.startswith("_")} for each in colours]
        assert named[0] == named[1]
        assert len({*named[0].values()}) == 4


def test_the_heat_map_figure_shows_frames_and_maps_in_rows_and_columns():
    frames = np.random.default_rng(0).integers(0, 255, (3, 8, 8, 3), dtype=np.uint8)
    heats = np.random.default_rng(1).random((2, 3, 4, 4)).astype(np.float32)
    rows = [CamRow("baseline", "left", 0.5, heats[0]), CamRow("DNR", "right", 0.875, heats[1])]
    figure = gradcam_figure(frames, rows, finding="f", note="n", frame_indices=[0, 8, 16], label="right")
    grid = np.array(figure.axes[:9]).reshape(3, 3)
    assert [axes.get_title() for axes in grid[0]] == ["frame 1", "frame 9", "frame 17"]
    assert [axes.get_ylabel() for axes in grid[:, 0]] == ["input", "baseline\n“left” 0.50 ✗", "DNR\n“right” 0.88 ✓"]
    for row in range(3):
        for column in range(3):
            images = [image.get_array() for image in grid[row, column].images]
            np.testing.assert_array_equal(images[0], frames[column].mean(axis=2) if row else frames[column])
            if row:
                np.testing.assert_array_equal(images[1], heats[row - 1, column])
                assert grid[row, column].images[1].get_clim() == (0, 1)


def test_the_dynamics_plots_show_the_recorded_numbers():
    model = dnr_network()
    with record_dynamics(model) as dynamics:
        model(torch.rand(1, 3, 5, 32, 32))
    table = dynamics.table()
    figure = group_dynamics(table, "f", "n")
    panel = figure.axes[1]  # gamma of the second stage's last block
    assert panel.get_title() == "layer2.1.bn1"
    own = table[(table["layer"] == "layer2.1.bn1") & (table["kind"] == "cross_temporal")].pivot(
        index="group", columns="channel", values="gamma"
    )
    drawn = np.sort([line.get_ydata() for line in panel.lines], axis=0)
    np.testing.assert_allclose(drawn, np.sort(own.to_numpy().T, axis=0))
    assert [text.get_text() for text in panel.get_xticklabels()] == ["1–2", "3–4", "5"]
    labels = [text.get_text() for text in block_dynamics(table, "f", "n").axes[1].get_xticklabels()]
    assert labels == [f"layer{stage}.{block}" for stage in range(1, 5) for block in range(2)]


def test_curves_and_confusion_show_their_tables():
    columns = {"epoch": [0, 1], "loss": [2.0, 1.0], "top1": [0.1, 0.4], "lr": [0.1, 0.05], "val_top1": [np.nan, 0.3]}
    history = pd.DataFrame(columns | {"grad_norm": [7.0, 3.0], "clips": [80, 80], "seconds": [4.0, 2.0]})
    axes = training_curves(history, "f", "n").axes
    shown = [each.lines[0].get_ydata().tolist() for each in axes[:5]]
    assert shown == [[2, 1], [0.1, 0.4], [0.1, 0.05], [7, 3], [20, 40]]
    assert axes[1].lines[1].get_xydata().tolist() == [[2, 0.3]]
    matrix = pd.DataFrame([[3, 1], [0, 2]], index=["a", "b"], columns=["a", "b"])
    cells = confusion(matrix, "f", "n").axes[0].collections[0].get_array()
    np.testing.assert_allclose(np.ravel(cells), [0.75, 0.25, 0, 1])


@pytest.mark.parametrize("name", ["tsn_resnet18", "tdn_resnet18"])
def test_a_frozen_network_has_the_same_map_also_without_gradients(name):
    model = create_model(name, num_classes=3, num_frames=4, width=16).eval()
    clips = torch.rand(2, 3, 4 * model.frames_per_segment, 32, 32)
    expected = clip_gradcam(model, clips, [0, 2], "layer2")
    assert expected.max() == 1
    model.requires_grad_(False)
    with torch.inference_mode():
        found = clip_gradcam(model, clips.clone(), [0, 2], "layer2")
    assert torch.equal(found, expected)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_network_with_nan_has_no_map():
    model = create_model("tsn_resnet18", num_classes=3, num_frames=4, width=8).eval()
    with torch.no_grad():
        model.fc.weight[0, 0] = float("nan")
    with pytest.raises(ValueError, match="finite logits, got nan or inf"):
        clip_gradcam(model, torch.rand(1, 3, 4, 32, 32), [1])
    with pytest.raises(ValueError, match=r"of floating point and N classes, got clips .* of torch.uint8"):
        clip_gradcam(model, torch.zeros(1, 3, 4, 32, 32, dtype=torch.uint8), [1])

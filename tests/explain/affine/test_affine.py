"""What gamma and beta know, on networks whose gamma ignores the relay or is constant, and on numbers made by hand."""

import numpy as np
import pandas as pd
import pytest
import torch

from dnrlab import DNRConfig, create_model
from dnrlab.data.manifest import read_manifest, select
from dnrlab.explain import record_dynamics
from dnrlab.explain.affine.over_videos import accuracy_when_cut, predictions_when_cut, record_split, trajectories
from dnrlab.explain.affine.probe import probe_table
from dnrlab.explain.affine.record import Affine
from dnrlab.explain.affine.relay_cut import change, record_influence, relay_cells, relay_cut
from dnrlab.explain.affine.timeline import Timeline
from dnrlab.explain.affine.variance import PARTS, parts_of_variance, variance_table
from tests.helpers.networks import made


def cells_of(model):
    return [cell for _, cell in relay_cells(model).values()]


def ignoring_the_relay(model):
    """Nothing of the hidden state reaches the gates, and the forget gate is shut."""
    with torch.no_grad():
        for cell in cells_of(model):
            for linear in (cell.hidden_gates[0], cell.hidden_gates[2]):
                linear.weight.zero_()
                linear.bias.zero_()
            channels = cell.channels
            cell.input_gates[2].weight[channels : 2 * channels] = 0
            cell.input_gates[2].bias[channels : 2 * channels] = -1e4
    return model


def constant(model):
    """Gates that are the same whatever comes: gamma = sigmoid(o) sigmoid(0), beta = 0."""
    with torch.no_grad():
        for cell in cells_of(model):
            for linear in (cell.hidden_gates[2], cell.input_gates[2]):
                linear.weight.zero_()
                linear.bias.zero_()
    return model


def network(**settings):
    torch.manual_seed(0)
    return create_model("tsn_resnet50", num_frames=4, width=8, dnr=DNRConfig(relay_distance=2, **settings)).eval()


def test_cells_are_named_by_what_they_relay_over():
    cells = relay_cells(network(direction="bi"))
    assert cells["layer1.lstm"][0] == "cross_layer"
    assert cells["layer1.0.bn2.lstm"][0] == cells["layer1.0.bn2.lstm_backward"][0] == "cross_temporal"
    assert len(cells) == 4 + 2 * 16
    with pytest.raises(ValueError, match="expected a network with DNR"):
        relay_cells(create_model("tsn_resnet18", width=8))


@pytest.mark.parametrize("settings", [{}, {"direction": "bi", "depth": 2}])
def test_a_network_that_ignores_the_relay_does_not_miss_it(settings):
    clips = torch.rand(2, 3, 4, 32, 32)
    model = network(**settings)
    with relay_cut(model):
        cut = model(clips)
    assert (cut - model(clips)).abs().max() > 1e-6
    if settings:
        return
    model = ignoring_the_relay(model)
    expected = model(clips)
    with relay_cut(model):
        assert torch.equal(model(clips), expected)
    with record_influence(model) as influence:
        model(clips)
    table = influence.table()
    assert len(table) == 2 * (4 + 16)
    assert table["change"].max() == 0
    relaying = network()
    with record_influence(relaying) as influence:
        relaying(clips)
    assert influence.table()["change"].min() > 0.01


def test_groups_without_the_relay_are_groups_alone():
    model = network(where="temporal")
    norm = model.layer1.get_submodule("0").bn2
    x = torch.rand(2, 8, 4, 5, 5)
    with relay_cut(model, "cross_temporal"):
        cut, _ = norm(x, None)
    alone = torch.cat([norm(x[:, :, :2], None)[0], norm(x[:, :, 2:], None)[0]], dim=2)
    torch.testing.assert_close(cut, alone)
    expected = norm(x, None)[0]
    with relay_cut(model, "cross_layer"):  # there is none to cut here
        assert torch.equal(norm(x, None)[0], expected)
    assert not torch.allclose(expected, cut)


def test_gamma_that_is_constant_has_no_variance_and_knows_nothing():
    model, labels = constant(network()), ["a", "b"] * 4
    with record_dynamics(model) as dynamics, record_influence(model) as influence, torch.inference_mode():
        model(torch.rand(8, 3, 4, 32, 32))
    arrays = dynamics.arrays()
    table = variance_table(arrays, labels)
    assert (table["total"] == 0).all()
    assert table[list(PARTS)].isna().all(axis=None)
    assert arrays["layer1.0.bn2", "cross_temporal"].gamma.ravel() == pytest.approx(0.25)
    assert influence.table()[["change"]].eq(0).all(axis=None)
    probes = probe_table((arrays, labels), (arrays, labels))
    assert probes["mean"].eq(0.5).all()


def test_parts_of_a_variance_made_by_hand():
    # Two clips of one class: the groups differ by 2 in both, the clips' means are 1 and 5 (variance 8).
    parts = parts_of_variance(np.array([[[0.0, 2.0]], [[4.0, 6.0]]]), ["a", "a"])
    assert parts == {"position": 2, "within_clips": 0, "between_clips": 8, "between_classes": 0}
    with pytest.raises(ValueError, match="at least one class with two clips, got one clip per class"):
        parts_of_variance(np.zeros((2, 1, 2)), ["a", "b"])


@pytest.mark.parametrize("deviations", [(0, 1, 0, 0), (0, 1, 2, 0), (3, 1, 2, 1.5), (0, 0, 1, 2)])
def test_components_are_those_that_numbers_were_drawn_from(deviations):
    rng, (position, within, clip, of_class) = np.random.default_rng(0), deviations
    labels = np.repeat(
        np.arange(10), 4
    )  # few clips per class, which plain sums of squares would count as class variance
    values = rng.normal(0, within, (40, 400, 3)) + rng.normal(0, clip, (40, 400, 1))
    values += rng.normal(0, of_class, (10, 400, 1))[labels] + position * np.array([1.0, 0, -1])
    parts = parts_of_variance(values, list(map(str, labels)))
    assert list(parts.values()) == pytest.approx([position**2, within**2, clip**2, of_class**2], abs=0.15, rel=0.1)


def test_a_probe_finds_what_is_there_and_nothing_else():
    rng = np.random.default_rng(0)
    labels = [*"ab"] * 50

    def affine(knows):
        noise = rng.normal(size=(100, 3, 2)).astype(np.float32)
        noise[:, 1, 1] += 20 * knows * np.array([label == "b" for label in labels])
        return Affine(noise, rng.normal(size=(100, 3, 2)).astype(np.float32))

    parts = [{("blind", "cross_layer"): affine(False), ("knows", "cross_temporal"): affine(True)} for _ in range(2)]
    table = probe_table((parts[0], labels), (parts[1], labels)).set_index(["layer", "labels"])["mean"]
    assert table["knows", "true"] == table["all", "true"] == 1
    assert 0.3 < table["blind", "true"] < 0.7
    assert 0.3 < table["knows", "shuffled"] < 0.7
    other = {key: Affine(*(-each for each in own)) for key, own in parts[0].items()}
    learned = probe_table((parts[0], labels), (other, labels)).set_index(["layer", "labels"])["mean"]
    assert learned["knows", "true"] == 0.5  # fitted to +20 for b, it takes all that are negated for a


def test_the_change_by_the_relay_of_numbers_made_by_hand():
    own = np.array([[0.0], [2.0]])  # a standard deviation of 1
    assert change(own, own + 3) == pytest.approx(3)
    assert change(own, own) == 0
    steps = np.array([[0.0], [5.0]] * 4)  # the second step of every clip is what the relay makes it
    assert change(steps, np.zeros_like(steps)) == pytest.approx(np.sqrt(2))
    assert change(np.ones((2, 1)), np.zeros((2, 1))) == np.inf


def test_recordings_count_the_clips_and_cuts_are_judged_by_them(synthetic):
    run, videos = made("tsn_resnet18", 8, dnr=DNRConfig(relay_distance=4)), select(read_manifest(synthetic), "test")
    recorded = record_split(run, videos, range(10))
    assert recorded.labels == list(videos.rows["label"])
    assert recorded.affine["layer1.0.bn1", "cross_temporal"].gamma.shape == (10, 8, 2)
    assert recorded.affine["layer1.0.bn1", "cross_layer"].beta.shape == (10, 8, 1)
    assert recorded.sources == list(videos.rows["path"])  # of one scene, too few to draw
    predicted = predictions_when_cut(run, videos, range(10))
    assert predicted[["path", "source", "label"]].equals(
        videos.rows[["path", "path", "label"]].set_axis(["path", "source", "label"], axis=1)
    )
    cut = accuracy_when_cut(predicted.assign(both=predicted["label"])).set_index("cut")
    assert list(cut.index) == ["none", "over time", "over layers", "both"]
    assert cut["n"].eq(10).all()
    assert cut.at["none", "mean"] == (predicted["none"] == predicted["label"]).mean() < cut.at["both", "mean"] == 1
    alone = made("tsn_resnet18", 8, dnr=DNRConfig(where="temporal"))
    assert list(predictions_when_cut(alone, videos, range(3)))[3:] == ["none", "over time"]
    videos.rows.loc[0, "path"] = "gone.mp4"
    with pytest.raises(ValueError, match="at least one readable video of 1 in "):
        record_split(run, videos, [0])


def test_what_moves_along_a_line_is_seen_in_one_direction():
    seconds = np.arange(5.0)
    lines = []
    for slope in (1.0, -1.0):
        rows = [
            {"layer": "l", "channel": channel, "seconds": at, "gamma": slope * at * (channel + 1), "beta": 1.0}
            for at in seconds
            for channel in (0, 1)
        ]
        lines.append(Timeline("up", pd.DataFrame(rows), np.zeros((0, 1, 1, 3), dtype=np.uint8), [], 1.0))
    table = trajectories(lines, "l")
    assert table["explained"].unique() == pytest.approx([1.0])
    assert table["second"].abs().max() < 1e-9
    steps = [np.sign(own["first"].diff().dropna()).unique().tolist() for _, own in table.groupby("video")]
    assert sorted(steps) == [[-1.0], [1.0]]  # the second video goes the way of the first back

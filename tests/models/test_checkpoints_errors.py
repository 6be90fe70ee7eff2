"""Files that do not fit, or that should not be opened: what the error says, and that the network stays as it was."""

import copy
import os
import re

import pytest
import torch
from safetensors.torch import save_file

import dnrlab
from dnrlab import DNRConfig
from dnrlab.models.checkpoints.load import load_converted
from tests.models.test_checkpoints import network, openmmlab, trained
from tests.models.test_checkpoints_starts import plain_names
from tests.reference import checkpoints


def assert_refused(model, tensors, message):
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(ValueError, match=message) as caught:
        load_converted(model, tensors)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    return str(caught.value)


FILES = {  # a network of dnrlab, and a file of it
    "TSM": ("tsm_resnet50", checkpoints.tsm, {}),
    "TAM": ("tanet_resnet50", checkpoints.tam, {}),
    "TDN": ("tdn_resnet50", checkpoints.tdn, {}),
    "DNR": ("tsn_resnet50", checkpoints.dnr_release, {"dnr": DNRConfig(), "interlacing": False}),
    "MMAction2": ("tanet_resnet50", lambda: checkpoints.mmaction2(kind="tanet"), {}),
}


@pytest.mark.parametrize("name", FILES)
def test_each_missing_or_added_tensor_is_named(name):
    model_name, tree, settings = FILES[name]
    model, theirs = network(model_name, **settings), tree().state_dict()
    needed = [key for key in theirs if "num_batches" not in key and "conv1_temp" not in key]
    for key in needed[:: len(needed) // 6]:
        cut = {other: value for other, value in theirs.items() if other != key}
        assert "got 1 of" in assert_refused(model, cut, r"expected \([\d, ]+\), got None")
        if "fc" not in key:
            wrong = {**cut, key: torch.cat([theirs[key]] * 2)}
            assert "got 1 of" in assert_refused(model, wrong, r"expected \([\d, ]+\), got \([\d, ]+\)")
    assert_refused(model, theirs | {"extra.weight": torch.zeros(2)}, r"extra.weight: expected None, got \(2,\)")


def test_all_misfits_are_named():
    text = assert_refused(network("tsn_resnet50"), checkpoints.tdn().state_dict(), "the file is of a TDN: create one")
    modules = [name for name in network("tdn_resnet50").state_dict() if ".inside." in name]
    kinds = {re.sub(r"layer\d\.\d+\.", "layer*.*.", name) for name in modules}
    assert all(re.sub(r"\.\d\.", ".*.", kind) in text for kind in kinds)
    assert len(text.splitlines()) == 22


@pytest.mark.parametrize(
    ("model", "tree", "message"),
    [
        ("tsn_resnet50", checkpoints.tsm, r"shifts in no block, got .* in 16 blocks .*create the TSM"),
        ("tanet_resnet50", checkpoints.tsm, r"shifts in no block"),
        ("tdn_resnet50", lambda: checkpoints.mmaction2(kind="tsm"), r"shifts in no block"),
        ("tsm_resnet101", checkpoints.tsm, r"shifts in 18 blocks from layer1.0 to layer4.2, got .* in 16 blocks"),
        ("tsm_resnet50", lambda: checkpoints.tsm(temporal_pool=True), r"create the network with temporal_pool=True"),
        ("tsn_resnet50", checkpoints.tam, r"the file is of a TANet: create one"),
        ("tsn_resnet101", checkpoints.mmaction2, r"network has \[3, 4, 23, 3\] blocks and the file \[3, 4, 6, 3\]"),
        ("tsn_resnet50", checkpoints.dnr_release, r"the file is of a network with DNR: create one"),
    ],
)
def test_a_file_of_another_network_says_which(model, tree, message):
    assert_refused(network(model), tree().state_dict(), message)


def test_another_number_of_frames_is_named():
    theirs = checkpoints.tam(frames=16).state_dict()
    assert_refused(
        network("tanet_resnet50"), theirs, r"for T=8 frames, the file for T=16: create it with num_frames=16"
    )


def test_another_width_is_named():
    assert_refused(network("tsn_resnet50", width=8), plain_names(), "create the network with width 16")


def test_the_release_has_no_interlacing():
    model = network("tsn_resnet50", dnr=DNRConfig(relay_distance=2))
    assert_refused(model, checkpoints.dnr_release().state_dict(), r"create a TSN with interlacing=False")


def test_a_shift_of_whole_blocks_has_no_network_here():
    theirs = checkpoints.tsm(shifted=False)
    theirs.base_model.layer1 = torch.nn.Sequential(*(checkpoints.Tree(net=each) for each in theirs.base_model.layer1))
    assert_refused(network("tsm_resnet50"), theirs.state_dict(), r"shift_place='block'")


def test_lstms_start_anew_only_in_place_of_affine_pairs():
    model = network("tsn_resnet50", dnr=DNRConfig())
    cut = {name: value for name, value in model.state_dict().items() if ".lstm." not in name}
    text = assert_refused(model, cut, r"layer1.0.bn2.lstm.input_gates.0.weight: expected \(4, 16\), got None")
    assert "got 160 of 384 that do not fit" in text
    assert "layer*.lstm.hidden_gates.*.bias (8)" in text


def test_two_tensors_of_one_name_are_refused():
    theirs = plain_names()
    message = r"one tensor conv1.weight in the file, got conv1.weight and module.conv1.weight"
    assert_refused(network("tsn_resnet50"), theirs | {"module.conv1.weight": theirs["conv1.weight"]}, message)


def test_the_file_is_named_where_it_does_not_fit(tmp_path):
    torch.save(trained(checkpoints.tam()), tmp_path / "tam.pth")
    with pytest.raises(ValueError, match=r"tam.pth does not fit this network: .*the file is of a TANet"):
        dnrlab.load_weights(network("tsn_resnet50"), tmp_path / "tam.pth")


class RunsCode:
    """What a file of Python objects can do when it is opened."""

    def __reduce__(self):
        return os.mkdir, ("ran",)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_that_could_run_code_is_not_opened_and_says_how_to_store_its_tensors(zipped, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tree = checkpoints.tsm()
    content = {**trained(tree), "args": RunsCode()}
    torch.save(content, "file.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(
        ValueError, match=r"expected tensors and plain values in file.pth, got Python objects"
    ) as caught:
        dnrlab.load_weights(network("tsm_resnet50"), "file.pth")
    assert not (tmp_path / "ran").exists()
    lines = [line.strip() for line in str(caught.value).splitlines()[1:]]
    assert len(lines) == 2
    exec("\n".join(lines), {"torch": torch})  # the two lines work as they stand
    assert (tmp_path / "ran").exists()
    assert len(dnrlab.load_weights(network("tsm_resnet50"), "file.weights.pth").loaded) == 320


@pytest.mark.parametrize("part", [0, 0.01, 0.5, 0.99])
@pytest.mark.parametrize("kind", ["zip", "old", "safetensors"])
def test_a_cut_file_is_called_damaged(kind, part, tmp_path):
    file = tmp_path / ("file.safetensors" if kind == "safetensors" else "file.pth")
    if kind == "safetensors":
        save_file(plain_names(), file)
    else:
        torch.save(openmmlab(checkpoints.mmaction2()), file, _use_new_zipfile_serialization=kind == "zip")
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * part)])
    with pytest.raises(ValueError, match=rf"expected a whole file at .*{file.name}.*copy or download it again"):
        dnrlab.load_weights(network("tsn_resnet50"), file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"epoch": 3},
            r"expected a state dict, alone or under .*, got a dictionary with the keys epoch; store it with",
        ),
        ({"state_dict": {"a": 3}}, r"expected a state dict"),
        (torch.zeros(3), r"expected a state dict.*got Tensor"),
        ({}, r"expected a state dict"),
    ],
)
def test_a_file_without_a_state_dict(content, message, tmp_path):
    torch.save(content, tmp_path / "file.pth")
    with pytest.raises(ValueError, match=message):
        dnrlab.load_weights(network("tsn_resnet50"), tmp_path / "file.pth")


def test_files_that_are_no_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected a file of weights at .*none.pth, got no such file"):
        dnrlab.load_weights(network("tsn_resnet50"), tmp_path / "none.pth")
    with pytest.raises(FileNotFoundError, match=r"got the folder .*give a file in it"):
        dnrlab.load_weights(network("tsn_resnet50"), tmp_path)
    (tmp_path / "page.pth").write_text("<html>Not found</html>")
    with pytest.raises(ValueError, match=r"expected a whole file at .*page.pth.*copy or download it again"):
        dnrlab.load_weights(network("tsn_resnet50"), tmp_path / "page.pth")

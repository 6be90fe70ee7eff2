"""Every notebook is executed with tiny parameters; parameters are checked before any work."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import asdict

import nbformat
import pandas as pd
import pytest

from dnrlab import DNRConfig
from dnrlab.batch import execute as batch
from dnrlab.data.manifest import read_manifest
from dnrlab.notebook import check_parameters, declared_parameters, start
from tests.helpers.notebooks import execute
from tests.helpers.once import made_once
from tests.helpers.paths import PROJECT

NOTEBOOKS = sorted(set((PROJECT / "notebooks").glob("*.ipynb")) - {PROJECT / "notebooks" / "00_start_here.ipynb"})
DECLARED = {"lr": float, "epochs": int, "dnr": bool, "manifest": str, "rows": list}


@pytest.fixture(scope="session")
def trained(synthetic, tmp_path_factory):
    """Runs ``bn`` and ``dnr`` of notebook 01, evaluated by notebook 02, in one folder; papermill ran those of dnr.

    ``views.txt`` holds the lines that an evaluation with nine views printed, called twice.
    """
    shared = {"manifest": str(synthetic), "cache_dir": ""}
    tiny = {"short_side": 36, "crop_size": 32, "epochs": 1, "batch_size": 10}

    def make(folder):
        execute("01_train", shared | tiny | {"run_dir": str(folder / "bn"), "dnr": False})
        own, lines = shared | {"run_dir": str(folder / "dnr")}, []
        run("01_train", folder / "dnr", own | tiny | {"dnr": True})
        run("02_evaluate", folder / "dnr", own, report=lines.append)
        many = own | {"split": "val", "num_clips": 3, "num_crops": 3}
        execute("02_evaluate", many)
        run("02_evaluate", folder / "dnr", many, report=lines.append)
        (folder / "views.txt").write_text("\n".join(lines))

    return made_once(tmp_path_factory, "notebooks", make)


def run(name, folder, parameters, report=None):
    return batch.run_notebook(
        PROJECT / "notebooks" / f"{name}.ipynb", folder / f"{name}.ipynb", parameters, report=report
    )


def test_train_and_evaluate_leave_a_whole_run_folder(trained):
    names = {path.name for path in (trained / "dnr").iterdir()}
    assert {"01_train.ipynb", "02_evaluate.ipynb", "config.json", "history.csv", "checkpoint.pt"} <= names
    assert {"best.safetensors", "metrics.json", "predictions.csv", "confusion.csv", "log.txt"} <= names
    assert json.loads((trained / "dnr" / "metrics.json").read_text())["evaluated"] == "evaluated 10 of 10"
    config = json.loads((trained / "dnr" / "config.json").read_text())
    assert config["model"]["dnr"] == asdict(DNRConfig())


def test_an_evaluation_by_folds_scores_the_videos_of_the_fold(trained, synthetic, tmp_path):
    table = pd.read_csv(synthetic)
    table = table.assign(path=f"{synthetic.parent}/" + table["path"], fold=[f"f{row % 3}" for row in table.index])
    table.to_csv(tmp_path / "videos.csv", index=False)
    shutil.copytree(trained / "dnr", tmp_path / "run")
    own = {"manifest": str(tmp_path / "videos.csv"), "run_dir": str(tmp_path / "run"), "cache_dir": ""}
    own |= {"split_column": "fold", "test_fold": "f1", "val_fold": "f2"}
    for split, fold, file in (("test", "f1", "predictions.csv"), ("val", "f2", "predictions_val.csv")):
        execute("02_evaluate", own | {"split": split})
        assert pd.read_csv(tmp_path / "run" / file)["path"].tolist() == list(table["path"][table["fold"] == fold])


def test_many_views_leave_a_figure_with_its_numbers_and_the_same_call_scores_nothing(trained):
    files = {path.name for path in (trained / "dnr").glob("view_accuracy_val*")}
    assert files == {f"view_accuracy_val{rest}" for rest in (".png", ".pdf", ".csv", "_views.csv")}
    table = pd.read_csv(trained / "dnr" / "view_accuracy_val.csv")
    result = json.loads((trained / "dnr" / "metrics_val.json").read_text())
    assert table["views"].tolist() == list(range(1, 10))
    assert table["top1"].iloc[[0, -1]].tolist() == pytest.approx([result["clip_top1"], result["top1"]])
    assert len(pd.read_csv(trained / "dnr" / "view_accuracy_val_views.csv")) == 9


def test_lines_that_a_notebook_prints_are_reported_while_it_runs(trained):
    lines = (trained / "views.txt").read_text().splitlines()
    first = lines.index(next(line for line in lines if "10 of 10 videos have scores already; remove " in line))
    assert lines[0].startswith("tsn_resnet18, 10 classes, 10 videos")
    assert lines[1].startswith("evaluated 10 of 10")
    assert lines[first - 1].startswith("tsn_resnet18, 10 classes, 10 videos")
    assert lines[first + 1].startswith("evaluated 10 of 10")


def test_heat_maps_leave_figures_with_their_numbers(trained, synthetic, tmp_path):
    shared = {"manifest": str(synthetic), "num_videos": 1, "num_forgetting": 2, "out_dir": str(tmp_path / "figures")}
    execute("03_gradcam", {**shared, "runs": [str(trained / "bn"), str(trained / "dnr")]})
    names = {"gradcam_0_appears", "localisation", "localisation_by_trait", "forgetting"}
    files = {path.name for path in (tmp_path / "figures").iterdir()}
    tables = {f"{name}.csv" for name in names} | {"localisation_differences.csv", "localisation_videos.csv"}
    assert files == {f"{name}.{kind}" for name in names for kind in ("png", "pdf")} | tables | {"gradcam_0_appears.npz"}
    assert len(pd.read_csv(tmp_path / "figures" / "localisation_videos.csv")) == (2 + 2) * 10  # and two controls


def test_dynamics_leave_figures_with_their_numbers(trained, synthetic, tmp_path):
    shared = {"manifest": str(synthetic), "num_videos": 1, "out_dir": str(tmp_path / "figures")}
    execute("04_affine_dynamics", {**shared, "run_dir": str(trained / "dnr"), "num_frames": 16})
    names = {"dynamics_0_appears", "dynamics_blocks", "timeline_0_appears", "probe", "relay_cut", "trajectories"}
    files = {path.name for path in (tmp_path / "figures").iterdir()}
    tables = {f"{name}.csv" for name in names} | {"relay_cut_influence.csv", "relay_cut_videos.csv"}
    assert files == {f"{name}.{kind}" for name in names for kind in ("png", "pdf")} | tables


def test_orders_leave_a_figure_with_its_numbers(trained, synthetic, tmp_path):
    given = {"runs": [str(trained / "bn"), str(trained / "dnr")], "manifest": str(synthetic), "out_dir": str(tmp_path)}
    execute("07_reversal", given)
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {f"reversal.{kind}" for kind in ("png", "pdf", "csv")} | {"reversal_videos.csv"}


def test_the_explorer_leaves_a_still_figure_without_a_browser(trained, synthetic, tmp_path):
    given = {"runs": [str(trained / "bn"), str(trained / "dnr")], "manifest": str(synthetic), "out_dir": str(tmp_path)}
    run("11_explorer", tmp_path / "papermill", given | {"device": "cpu"})
    assert {path.suffix for path in tmp_path.iterdir() if path.is_file()} == {".png", ".pdf", ".csv", ".npz"}


def test_costs_leave_a_figure_with_its_numbers(tmp_path):
    tiny = {"models": ["tsn_resnet18", "tdn_resnet18"], "num_frames": 2, "crop_size": 32, "width": 8, "rounds": 2}
    execute("10_efficiency", {**tiny, "out_dir": str(tmp_path / "figures"), "device": "cpu"})
    files = {path.name for path in (tmp_path / "figures").iterdir()}
    assert files == {f"speed_kept{rest}" for rest in (".png", ".pdf", ".csv", "_seconds.csv")}


def test_a_look_at_the_data_leaves_its_figures_and_the_check(synthetic, tmp_path):
    tiny = {"settings": {"crop_size": 32, "short_side": 36}, "num_shown": 2, "batch_size": 4, "num_batches": 2}
    shared = {"manifest": str(synthetic), "out_dir": str(tmp_path / "figures"), "num_workers": 1}
    run("05_data", tmp_path, shared | tiny)
    files = {path.name for path in (tmp_path / "figures").iterdir()}
    pictures = {"class_counts", "lengths", "contact_sheet", "views_0", "reading_speed"}
    tables = {"class_counts.csv", "lengths.csv", "manifest.checked.csv"}
    tables |= {f"reading_speed_{name}.csv" for name in ("loaders", "times", "views")}
    assert files == {f"{name}.{kind}" for name in pictures for kind in ("png", "pdf")} | tables
    assert len(pd.read_csv(tmp_path / "figures" / "manifest.checked.csv")) == 40


def test_a_look_at_the_data_goes_on_without_a_bad_video_and_ends_by_naming_it(synthetic, tmp_path):
    rows = read_manifest(synthetic).rows
    rows.loc[0, "path"] = str(tmp_path / "gone.mp4")
    rows.to_csv(tmp_path / "videos.csv", index=False)
    tiny = {"settings": {"crop_size": 32, "short_side": 36}, "num_shown": 2, "batch_size": 4, "num_batches": 2}
    shared = {"manifest": str(tmp_path / "videos.csv"), "out_dir": str(tmp_path / "figures"), "num_workers": 1}
    with pytest.raises(AssertionError, match="fix what the check lists above"):
        execute("05_data", shared | tiny)
    assert (tmp_path / "figures" / "reading_speed.png").exists()
    lengths = pd.read_csv(tmp_path / "figures" / "lengths.csv")
    assert (len(lengths), lengths["num_frames"].min()) == (39, 24)


def test_a_budget_leaves_its_figures_with_what_was_measured(synthetic, tmp_path):
    tiny = {
        "model": "tsn_resnet18",
        "width": 8,
        "num_frames": 2,
        "crop_size": 32,
        "short_side": 36,
        "sampling": "segments",
    }
    few = {"num_steps": 1, "rounds": 1, "num_batches": 1, "num_workers": 1, "num_clips": 2, "devices": [1, 8]}
    shared = {"manifest": str(synthetic), "out_dir": str(tmp_path / "figures"), "device": "cpu"}
    run("06_cost", tmp_path, shared | tiny | few)
    files = {path.name for path in (tmp_path / "figures").iterdir()}
    tables = {"scaling.csv", "scaling_rounds.csv", "scaling_turns.csv", "budget.csv", "budget_needs.csv"}
    assert files == {f"{name}.{kind}" for name in ("scaling", "budget") for kind in ("png", "pdf")} | tables
    turns = pd.read_csv(tmp_path / "figures" / "scaling_turns.csv")
    assert list(turns["processes"].value_counts().sort_index()) == [2, 4]  # of training and testing, a row a process


def test_your_network_leaves_its_figures_with_their_numbers(synthetic, tmp_path):
    tiny = {"max_videos": 10, "batch_size": 5, "num_frames": 4, "crop_size": 16, "image_network": "test_resnet"}
    execute("12_your_network", tiny | {"manifest": str(synthetic), "out_dir": str(tmp_path), "device": "cpu"})
    figures = {"dynamics_r3d_18", "dynamics_test_resnet", "gradcam"}
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {f"{name}.{kind}" for name in figures for kind in ("png", "pdf", "csv")} | {"gradcam.npz"}


COMPARISONS = {  # tiny parameters, and the run folders that they leave
    "08_relay_ablation": ({"groups": ["where"], "seeds": [0, 1]}, {"bn", "dnr", "temporal", "layer"}),
    "09_small_batches": (
        {"norms": ["batch", "instance", "dnr"], "batch_sizes": [5, 10]},
        {f"{norm}_batch{size}" for norm in ("batch", "instance", "dnr") for size in (5, 10)},
    ),
}


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons_leave_one_run_folder_per_network_and_a_figure(name, synthetic, tmp_path, capsys):
    given, names = COMPARISONS[name]
    tiny = {"crop_size": 32, "short_side": 36, "num_frames": 4, "batch_size": 10}
    shared = {"manifest": str(synthetic), "out_dir": str(tmp_path), "cache_dir": "", "epochs": 1, "settings": tiny}
    execute(name, shared | given | {"workers": 1})
    lines = capsys.readouterr().out.splitlines()
    seeds = given.get("seeds", [0])
    folders = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert folders == {f"{network}_seed{seed}" for network in names for seed in seeds}
    figure = name[3:]
    files = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert files == {f"{figure}.{kind}" for kind in ("png", "pdf", "csv")} | {f"{figure}_seeds.csv"}
    table = pd.read_csv(tmp_path / f"{figure}.csv")
    assert len(table) == len(names)
    assert (table["n"] == len(seeds)).all()
    assert any(line.startswith(f"{len(folders)} of {len(folders)}: ") for line in lines)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_clean_typed_and_explained(notebook):
    cells = nbformat.read(notebook, as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert cells[0].source.startswith("# ")
    assert "?" in cells[0].source.splitlines()[0]
    (parameters,) = [cell.source for cell in code if "parameters" in cell.metadata.get("tags", [])]
    lines = parameters.splitlines()
    assert len(declared_parameters(parameters)) == len(lines)
    assert all("  # " in line for line in lines)
    assert all(len(cell.source.splitlines()) <= 22 for cell in code if cell.source != parameters)


@pytest.mark.slow
def test_the_papermill_command_takes_true_as_people_write_it(synthetic, tmp_path):
    options = {"manifest": synthetic, "run_dir": tmp_path / "run", "cache_dir": "", "dnr": "true", "epochs": 1}
    options |= {"crop_size": 16, "short_side": 18, "num_frames": 2, "width": 8, "batch_size": 10}
    given = [word for name, value in options.items() for word in ("-p", name, str(value))]
    command = [sys.executable, "-m", "papermill", "notebooks/01_train.ipynb", str(tmp_path / "01.ipynb"), *given]
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert json.loads((tmp_path / "run" / "config.json").read_text())["model"]["dnr"]["relay_distance"] == 4


def test_a_wrong_parameter_stops_a_batch_before_a_kernel_starts(tmp_path):
    with pytest.raises(ValueError, match=r"expected 'epochs' or another parameter, got 'epoch'"):
        run("01_train", tmp_path, {"epoch": 3})
    with pytest.raises(TypeError, match=r"lr: expected float, got '1e-3'; in YAML a float needs a point"):
        run("01_train", tmp_path, {"lr": "1e-3"})
    assert not list(tmp_path.iterdir())
    with pytest.raises(FileNotFoundError, match="expected a notebook at"):
        run("09_none", tmp_path, {})


def cells(*sources):
    return {"In": ["", *sources]}


def test_a_notebook_started_by_hand_checks_its_parameters_itself():
    declared = "lr: float = 0.1  # rate\ndnr: bool = True  # on"
    start(cells(declared, "%matplotlib inline", "later: int = 3") | {"lr": 1, "dnr": True, "later": 3})
    with pytest.raises(ValueError, match=r"expected 'lr' or another parameter, got 'lrr'"):
        start(cells(declared, "# Parameters\nlrr = 0.2\n") | {"lr": 0.1, "dnr": True, "lrr": 0.2})
    with pytest.raises(TypeError, match="lr: expected float, got 'high'"):
        start(cells(declared, '# Parameters\nlr = "high"\n') | {"lr": "high", "dnr": True})


def test_words_for_truth_become_booleans_only_where_one_is_declared():
    namespace = cells("dnr: bool = True  # on\nname: str = 'a'  # name") | {"dnr": "false", "name": "true"}
    start(namespace)
    assert namespace["dnr"] is False
    assert namespace["name"] == "true"


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [("lr", 1, True), ("lr", True, False), ("epochs", 2.0, False), ("dnr", 1, False), ("manifest", None, False)],
)
def test_types_are_those_declared(name, value, fits):
    if fits:
        check_parameters(DECLARED, {name: value})
    else:
        with pytest.raises(TypeError, match=f"{name}: expected"):
            check_parameters(DECLARED, {name: value})


def test_the_first_notebook_leads_through_all_others_with_a_figure_each():
    source = "\n".join(cell.source for cell in nbformat.read(PROJECT / "notebooks" / "00_start_here.ipynb", 4).cells)
    linked = re.findall(r"\]\((\w+)\.ipynb\)", source)
    assert linked == [path.stem for path in NOTEBOOKS]
    figures = re.findall(r"!\[.+\]\((figures/\w+\.png)\)", source)
    assert len(figures) == len(linked)
    assert all((PROJECT / "notebooks" / figure).is_file() for figure in figures)


def test_figures_are_shown_whatever_backend_the_surroundings_name(tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    sources = [
        "from dnrlab.notebook import start\nstart(globals())",
        "import matplotlib.pyplot as plt\nplt.subplots()[0]",
    ]
    cells = [nbformat.v4.new_code_cell(source) for source in ["seed: int = 0  # seed", *sources]]
    cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "figure.ipynb")
    executed = batch.run_notebook(tmp_path / "figure.ipynb", tmp_path / "out.ipynb", {})
    outputs = nbformat.read(executed, 4).cells[-1].outputs
    assert any("image/png" in output.get("data", {}) for output in outputs)

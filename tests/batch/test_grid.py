"""Grids: what multiplies, names, placeholders, and mistakes with their lines, all at once, before anything runs."""

import json
import re

import pytest

from dnrlab.batch.execute import defaults_of
from dnrlab.batch.grid import Mistakes, read_grid
from dnrlab.batch.runs import runs_of
from dnrlab.experiments.ablations import variants, varied
from dnrlab.experiments.batch_sizes import by_norm_and_batch
from dnrlab.experiments.sweep import with_seed
from dnrlab.recipes.parameters import recipe_of
from tests.helpers.grid_networks import know_grid_networks
from tests.helpers.paths import PROJECT

CELL = """lr: float = 0.1  # rate
model: str = ""  # network
seed: int = 0  # seed
seeds: list = [0]  # seeds
dnr: bool = True  # DNR
initial_weights: str = ""  # weights
run_dir: str = "runs/a"  # folder"""


def notebook(folder, name="train", cell=CELL, code="print(seed)"):
    folder.mkdir(exist_ok=True)
    cells = [("parameters", cell), (None, code)]
    made = [
        {"cell_type": "code", "id": f"c{index}", "metadata": {"tags": [tag] if tag else []}, "source": source,
         "outputs": [], "execution_count": None}
        for index, (tag, source) in enumerate(cells)
    ]  # fmt: skip
    text = json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    (folder / f"{name}.ipynb").write_text(text)


def grid(folder, text):
    notebook(folder)
    (folder / "grid.yaml").write_text(text)
    return folder / "grid.yaml"


def runs(folder, text):
    return runs_of(read_grid(grid(folder, text)), folder / "out")


START = "title: a\nnotebooks: [train]\n"


def mistakes(folder, text):
    with pytest.raises(Mistakes) as caught:
        runs(folder, text)
    start = f"{folder / 'grid.yaml'}:"
    return [line.removeprefix(start) for line in str(caught.value).splitlines()]


def test_lists_multiply_and_names_come_from_what_varies(tmp_path):
    found = runs(
        tmp_path, "title: a\nparameters: {seed: [0, 1], dnr: [false, true], lr: 0.5}\nnotebooks: [train]\n"
    ).runs
    assert [run.name for run in found] == ["no_dnr_seed0", "dnr_seed0", "no_dnr_seed1", "dnr_seed1"]
    assert found[1].varied == {"dnr": True, "seed": 0}
    (step,) = found[1].steps
    assert step.parameters == {"seed": 0, "dnr": True, "lr": 0.5, "run_dir": str(tmp_path / "out" / "dnr_seed0")}


def test_a_parameter_that_is_a_list_multiplies_by_lists(tmp_path):
    text = "title: a\nparameters: {seeds: VALUE}\nnotebooks: [train]\n"
    assert [run.name for run in runs(tmp_path, text.replace("VALUE", "[0, 1]")).runs] == ["run"]
    assert [run.name for run in runs(tmp_path, text.replace("VALUE", "[[0], [1, 2]]")).runs] == ["0", "1_2"]


def test_weights_of_runs_that_are_left_out_need_not_be_here(tmp_path):
    (tmp_path / "a.safetensors").touch()
    weights = f"{tmp_path}/{{case}}.safetensors"
    text = f"title: a\nnotebooks: [train]\ncases: {{a: {{}}, b: {{}}}}\nparameters: {{initial_weights: '{weights}'}}\n"
    file = grid(tmp_path, text)
    found = runs_of(read_grid(file), tmp_path / "out", only="a*")
    assert [run.name for run in found.runs] == ["a", "b"]
    with pytest.raises(Mistakes, match=r"b\.safetensors"):
        runs_of(read_grid(file), tmp_path / "out")
    with pytest.raises(Mistakes, match=r"b\.safetensors"):
        runs_of(read_grid(file), tmp_path / "out", only="b")


def test_cases_are_sets_of_parameters_with_names(tmp_path):
    text = (
        "title: a\ncases: {plain: {dnr: false, lr: 0.2}, relay: {}}\nparameters: {seed: [3, 4]}\nnotebooks: [train]\n"
    )
    found = runs(tmp_path, text).runs
    assert [run.name for run in found] == ["plain_seed3", "relay_seed3", "plain_seed4", "relay_seed4"]
    assert found[0].steps[0].parameters["lr"] == 0.2
    assert "dnr" not in found[1].steps[0].parameters


def test_a_notebook_has_parameters_of_its_own(tmp_path):
    notebook(tmp_path, "evaluate", "split: str = 'test'  # split\nrun_dir: str = 'a'  # run")
    text = (
        "title: a\nparameters: {seed: [0, 1]}\nnotebooks:\n  - train: {lr: 0.3}\n  - evaluate: {split: [val, test]}\n"
    )
    found = runs(tmp_path, text).runs
    assert [run.name for run in found] == ["val_seed0", "test_seed0", "val_seed1", "test_seed1"]
    train, evaluate = found[0].steps
    assert train.parameters["lr"] == 0.3
    assert evaluate.parameters == {"split": "val", "run_dir": train.parameters["run_dir"]}


def test_places_in_texts_are_filled_in(tmp_path):
    notebook(tmp_path, "draw", "runs: list = []  # folders\nresults: str = ''  # table\nrun_dir: str = 'a'  # run")
    text = (
        "title: a\nparameters: {seed: [0, 1]}\ncases: {a: {initial_weights: '{out}/{case}_seed{seed}'}}\n"
        "notebooks: [train]\nafter:\n  - draw: {runs: '{runs}', results: '{results}', run_dir: '{out}/a_seed1'}\n"
    )
    found = runs(tmp_path, text)
    out = tmp_path / "out"
    assert [run.steps[0].parameters["initial_weights"] for run in found.runs] == [
        f"{out}/a_seed0",
        f"{out}/a_seed1",
    ]
    assert found.after.steps[0].parameters == {
        "runs": [str(out / "a_seed0"), str(out / "a_seed1")],
        "results": str(out / "results.csv"),
        "run_dir": str(out / "a_seed1"),
    }


def test_a_notebook_that_a_run_has_twice_has_files_of_its_own(tmp_path):
    (run,) = runs(tmp_path, "title: a\nnotebooks:\n  - train: {lr: 0.1}\n  - train: {lr: 0.2}\n").runs
    assert [step.name for step in run.steps] == ["train", "train_2"]


def test_a_notebook_that_comes_twice_after_all_runs_does_not_overwrite_its_files(tmp_path):
    notebook(tmp_path, "draw", "run_dir: str = 'a'  # run\nout_dir: str = ''  # figures")
    text = "title: a\nparameters: {seed: [0, 1]}\nnotebooks: [train]\nafter:\n"
    text += "".join(f"  - draw: {{run_dir: '{{out}}/seed{seed}'}}\n" for seed in (0, 1))
    first, second = (step.parameters["out_dir"] for step in runs(tmp_path, text).after.steps)
    assert [first, second] == [str(tmp_path / "out" / "after"), str(tmp_path / "out" / "after" / "draw_2")]


def test_a_list_of_one_value_is_in_the_name_so_that_it_can_grow(tmp_path):
    one = runs(tmp_path, "title: a\nparameters: {seed: [0]}\nnotebooks: [train]\n").runs
    two = runs(tmp_path, "title: a\nparameters: {seed: [0, 1]}\nnotebooks: [train]\n").runs
    assert [run.name for run in one] == ["seed0"]
    assert [run.name for run in two] == ["seed0", "seed1"]


@pytest.mark.parametrize(
    ("notebooks", "text"),
    [
        ("[02_evaluate]", "expected a training before 02_evaluate, got none; put 01_train before it"),
        ("[02_evaluate, 01_train]", "expected a training before 02_evaluate, got none; put 01_train before it"),
        ("[01_train, 01_train]", "expected one training in a run, got 01_train_2 after another; remove one"),
        ("[01_train: {epochs: -1, lr: -1.0, split_column: foo}, 02_evaluate]", "epochs: "),
        ("[01_train: {epochs: -1, lr: -1.0, split_column: foo}, 02_evaluate]", "lr: "),
        (
            "[01_train: {split_column: fold, test_fold: '1'}, 02_evaluate]",
            "expected split_column 'fold' as in 01_train, or tests are of videos that it trained on, got ''",
        ),
        ("[01_train, 02_evaluate: {split: foo}]", "split: expected a split, got 'foo'; choose one of train, val, test"),
    ],
)
def test_what_would_fail_after_hours_is_found_before(notebooks, text, tmp_path):
    grid = tmp_path / "grid.yaml"
    grid.write_text(f"title: a\nparameters: {{manifest: synthetic}}\nnotebooks: {notebooks}\n")
    with pytest.raises(Mistakes) as caught:
        runs_of(read_grid(grid), tmp_path / "out")
    assert any(f":3: {text}" in line for line in str(caught.value).splitlines()), str(caught.value)


def test_all_mistakes_are_listed_at_once_with_their_lines(tmp_path):
    text = """title: a
parameters:
  seeed: 1
  lr: 1e-3
  seed: [0, x]
  model: [tsn_resnet18, tsn_resnet19]
  run_dir: runs/a
cases:
  one: {dnr: 1}
  one: {initial_weights: nowhere.pt}
notebooks:
  - train
  - trian
  - train: {lrr: 2}
other: 3
"""
    found = mistakes(tmp_path, text)
    model = next(line for line in found if line.startswith("6: "))
    assert model.startswith("6: model: expected a network's name, got 'tsn_resnet19'; choose one of tsn_resnet")
    weights = "expected imagenet, a run folder or a file of weights, got 'nowhere.pt'; train that run first"
    assert found == [
        "3: expected 'seed' or another parameter, got 'seeed'; correct the name",
        "4: lr: expected float, got '1e-3'; in YAML a float needs a point, as in 1.0e-3",
        "5: seed: expected int, got 'x'; correct the value",
        model,
        "7: expected no run_dir, got one; leave it out, each run has its own folder",
        "10: expected 'one' once in cases, got it again; leave one out",
        f"10: initial_weights: {weights}",
        f"13: expected a notebook in {tmp_path} or {tmp_path.parent} or {PROJECT / 'notebooks'}, got no 'trian'; "
        "check the name, or give its path",
        "14: expected 'lr' or another parameter, got 'lrr'; correct the name",
        "15: expected title, card, alone, parameters, cases, notebooks, after, got 'other'; correct the name",
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "1: expected notebooks, got none; add it"),
        ("title: [", "1: no YAML: expected the node content, but found '<stream end>'"),
        ("- a", "1: expected a grid as name: value, got ['a']; write it so"),
        ("title: a\nnotebooks: train", "2: expected notebooks as a list, got 'train'; write each after a dash"),
        ("title: &x a\nnotebooks: [*x]", "2: expected no alias, got *name; write it out"),
        (START + "parameters: {lr: !!python/object/apply:os.system [ls]}", "3: expected plain"),
        (
            "title: a\nnotebooks: [train]\nparameters: {seed: [1, 1]}",
            "3: expected different values of seed, got 1 twice; remove one",
        ),
        (
            "title: a\nnotebooks: [train]\nparameters: {initial_weights: '{sed}'}",
            "3: initial_weights: expected a known place",
        ),
        (
            "title: a\nnotebooks: [train]\nparameters: {seeds: ['{runs}']}",
            "3: seeds: expected a known place, got {runs} outs",
        ),
        (
            "title: a\nnotebooks: [train]\ncases: {a: {}, after: {}}",
            "1: expected runs with other names than after",
        ),
        (START + "cases: {a: {}, A: {}}", "1: expected runs with different names, got a twice"),
        (START + "after: [{train: {run_dir: '{out}/rn'}}]", "3: run_dir: expected a run of this"),
        ("title: " + "[" * 5000, "1: no YAML"),
        (START + "alone: often", "3: expected alone as true or false, got 'often'; write one"),
    ],
)
def test_what_is_no_grid_is_named(tmp_path, text, line):
    assert any(each.startswith(line) for each in mistakes(tmp_path, text)), mistakes(tmp_path, text)


def test_too_many_runs_are_refused(tmp_path):
    values = list(range(101))
    text = f"title: a\nnotebooks: [train]\nparameters: {{seed: {values}, lr: {[each + 0.5 for each in values]}}}"
    assert mistakes(tmp_path, text) == ["1: expected at most 10,000 runs, got 10,201; make several grids"]


@pytest.mark.parametrize("file", sorted((PROJECT / "notebooks" / "batches").glob("*.yaml")), ids=lambda file: file.stem)
def test_the_grids_of_the_project_have_no_mistakes(file, tmp_path, monkeypatch):
    monkeypatch.chdir(PROJECT)
    know_grid_networks(monkeypatch)
    found = read_grid(file)
    elsewhere = any(word in file.stem for word in ("something", "reasons", "hard"))  # their weights are made there
    counted = found.card or ("synthetic" if elsewhere else "")
    assert len(runs_of(found, tmp_path, counted_by=counted).runs) >= 2


@pytest.mark.parametrize("name", ["ablations", "direction", "batch_sizes"])
@pytest.mark.parametrize("size", ["paper", "quick"])
def test_the_runs_of_a_grid_are_those_that_its_figure_draws(size, name, tmp_path, monkeypatch):
    """Otherwise the figure would fail when all trainings have ended."""
    monkeypatch.chdir(PROJECT)
    found = read_grid(PROJECT / "notebooks" / "batches" / f"{size}_{name}.yaml")
    made = runs_of(found, tmp_path, counted_by=found.card or "synthetic")
    trained = [recipe_of(defaults_of(run.steps[0].notebook) | run.steps[0].parameters) for run in made.runs]
    (step,) = made.after.steps
    given = defaults_of(step.notebook) | step.parameters
    base = recipe_of(given)
    if "groups" in given:
        wanted = varied(base, variants(given["groups"]))
    else:
        wanted = by_norm_and_batch(base, given["norms"], given["batch_sizes"])
    assert len(trained) % len(wanted) == 0
    for each in wanted.values():
        assert any(with_seed(each, own.training.seed) == own for own in trained)


def test_every_paper_grid_has_a_quick_one():
    names = {file.stem for file in (PROJECT / "notebooks" / "batches").glob("*.yaml")}
    paper = {re.sub("^paper_|_v[12]$", "", name) for name in names if name.startswith("paper_")}
    assert paper == {name.removeprefix("quick_") for name in names if name.startswith("quick_")}

"""Draw the stored figures again from the stored numbers, after a change of their words or their looks.

``python notebooks/figures/redraw.py`` draws all figures, ``python notebooks/figures/redraw.py cost views`` these two.
Nothing is trained or measured. Titles and notes come from the notebooks: the cell that draws a figure runs with the
stored numbers. Three figures also show frames of the synthetic videos, which are made on first use.
"""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
from PIL import Image

from dnrlab import findings
from dnrlab.bench.budget import work_of
from dnrlab.data.cards import card_of
from dnrlab.data.decode.reader import READER
from dnrlab.data.manifest import Manifest, open_manifest, select
from dnrlab.explain.affine.timeline import timelines
from dnrlab.explain.cam.heatmaps import Explanation
from dnrlab.explain.clips import choose_rows, view_clip
from dnrlab.recipes.named import override, recipe_by_name
from dnrlab.runs.load import load_run

FOLDER = Path(__file__).parent
NETWORKS = FOLDER.parent / "networks"
DEMO = recipe_by_name("demo")
MACHINE = {"processor": "AMD EPYC", "cores": 2, "threads": 1, "torch": "2.13.0+cpu"}  # where cost and speed are from


def table(name: str) -> pd.DataFrame:
    """The stored numbers of a figure."""
    return pd.read_csv(FOLDER / f"{name}.csv")


def synthetic(split: str) -> Manifest:
    """A split of the synthetic videos."""
    return select(open_manifest("synthetic"), split)


def draw(name: str, notebook: str, call: str, width: int, replaced: dict[str, Any] | None = None, **given: Any) -> None:
    """Run the cell of a notebook that has ``figure = CALL(``, and store its figure, ``width`` pixels wide.

    The cell sees the notebook's default parameters and the names in ``given``. ``replaced`` has functions of dnrlab
    that must not measure, and what takes their place.
    """
    cells = nbformat.read(FOLDER.parent / f"{notebook}.ipynb", 4).cells
    sources = [cell.source for cell in cells if cell.cell_type == "code"]
    (source,) = [source for source in sources if f"figure = {call}(" in source]
    names: dict[str, Any] = {}
    exec(sources[0], names)
    with ExitStack() as stack:
        stack.enter_context(patch("dnrlab.figures.save_figure", unsaved))
        for target, replacement in (replaced or {}).items():
            stack.enter_context(patch(target, replacement))
        names |= {"findings": findings, "save_figure": unsaved, "Path": Path, "pd": pd, "folder": "", **given}
        exec(source, names)
    path = FOLDER / f"{name}.png"
    names["figure"].savefig(path, dpi=150)
    plt.close(names["figure"])
    with Image.open(path) as large:
        small = large.convert("RGB").resize(
            (width, round(width * large.height / large.width)), Image.Resampling.LANCZOS
        )
    small.save(path, optimize=True)
    print(path)


def unsaved(*_: Any, **__: Any) -> str:
    """In place of ``save_figure``: the notebook's own files stay as they are."""
    return "drawn"


def history() -> None:
    """Curves of a training."""
    draw("history", "01_train", "training_curves", 1050, history=table("history"), chosen=DEMO, run_dir="runs/demo/dnr")


def confusion() -> None:
    """Confusion matrix of the network with batch norm."""
    matrix = table("confusion").set_index("Unnamed: 0")
    pairs = [pair for pair, videos in matrix.stack().items() for _ in range(videos)]
    right = np.trace(matrix.to_numpy()) / len(pairs)
    result = {"top1": right, "evaluated": f"evaluated {len(pairs)} of {len(pairs)}"}
    predictions = SimpleNamespace(videos=pd.DataFrame(pairs, columns=["label", "predicted"]))
    run = SimpleNamespace(classes=list(matrix.index))
    given = {"predictions": predictions, "run": run, "result": result, "run_dir": "runs/demo/bn"}
    draw("confusion", "02_evaluate", "confusion", 800, **given)


def demo_gradcam() -> None:
    """Heat maps of three networks; the frames are from the synthetic videos."""
    maps = np.load(FOLDER / "demo_gradcam.npz")
    explained = {
        row.network: [
            Explanation(row.predicted, row.score, row.predicted, maps[f"heat_{row.network}"].astype(np.float32))
        ]
        for row in table("demo_gradcam").itertuples()
    }
    videos = synthetic("test")
    view = view_clip(videos, choose_rows(videos, 4, DEMO.data)[3], DEMO.data)
    given = {"views": [view], "explained": explained, "where": "layer2"}
    draw("demo_gradcam", "03_gradcam", "gradcam_figure", 1100, **given)


def demo_timeline() -> None:
    """Gamma and beta along a video; the frames are from the synthetic videos."""
    run, videos = load_run(NETWORKS / "dnr", "cpu"), synthetic("test")
    line = timelines(run, videos, choose_rows(videos, 1, DEMO.data))[0]._replace(table=table("demo_timeline"))
    replaced = {"dnrlab.explain.affine.timeline.timelines": lambda *_, **__: {0: line}}
    given = {"run": run, "videos": videos, "shown": [], "where": "both"}
    draw("demo_timeline", "04_affine_dynamics", "timeline_figure", 1100, replaced, **given)


def relay_cut() -> None:
    """Accuracy with the relay cut."""
    cuts = table("relay_cut")
    recorded = SimpleNamespace(labels=range(cuts["n"].max()), influence=table("relay_cut_influence"))
    given = {"cuts": cuts, "recorded": recorded, "chance": 0.1, "quick": "", "predicted": None}
    draw("relay_cut", "04_affine_dynamics", "cut_figure", 1100, **given)


def views() -> None:
    """The test views of a synthetic video."""
    given = {"chosen": synthetic("train"), "data": DEMO.data, "reader": READER}
    draw("views", "05_data", "views_figure", 1000, **given)


def cost() -> None:
    """Hours of training and testing on Kinetics-400."""
    recipe, card = recipe_by_name("kinetics400"), card_of("kinetics400")
    videos, work = SimpleNamespace(file=Path("synthetic/manifest.csv")), work_of(recipe, card, views=30)
    given = {"chosen": recipe, "data_set": card, "work": work, "videos": videos, "here": MACHINE, "shared": True}
    given |= {"on_cpu": True, "share": 1, "shape": findings.of_shape({}, {}, share=1)}
    given |= {"scaled": None, "reading": None, "needed": None}
    replaced = {"dnrlab.bench.budget.budget": lambda *_, **__: table("cost")}
    draw("cost", "06_cost", "budget_figure", 1050, replaced, **given)


def reversal() -> None:
    """What eight networks predict for clips in four orders."""
    means = table("reversal")
    rows = range(means["n"].max())
    given = {"means": means, "table": pd.DataFrame({"row": rows}), "group": 4}
    given |= {"chosen": rows, "videos": SimpleNamespace(rows=rows)}
    draw("reversal", "07_reversal", "reversal_figure", 1100, **given)


def relay_ablation() -> None:
    """Gains of variants of DNR."""
    seeds = table("relay_ablation_seeds")
    given = {"summary": table("relay_ablation"), "gained": seeds, "table": seeds, "base": DEMO, "full": DEMO}
    draw("relay_ablation", "08_relay_ablation", "gain_figure", 1000, **given)


def small_batches() -> None:
    """Accuracy over the batch size."""
    seeds, videos = table("small_batches_seeds"), SimpleNamespace(classes=range(10))
    given = {"summary": table("small_batches"), "named": seeds, "table": seeds, "videos": videos}
    given |= {"base": override(DEMO, epochs=4), "full": DEMO}
    draw("small_batches", "09_small_batches", "batch_figure", 1000, **given)


def speed_kept() -> None:
    """Speed with DNR as a share of the speed without."""
    costs, measured = SimpleNamespace(seconds=None), table("speed_kept")
    machine = {**MACHINE, "threads": 2}
    given = {"table": measured, "first": measured, "machine": lambda _: machine, "costs": costs, "rounds": 20}
    draw("speed_kept", "10_efficiency", "speed_kept", 1000, **given)


def your_network() -> None:
    """Gamma and beta of torchvision's r3d_18 with DNR."""
    given = {"tables": {"r3d_18 + DNR": table("your_network")}, "view": SimpleNamespace(label="appears")}
    draw("your_network", "12_your_network", "group_dynamics", 1000, **given)


FIGURES: dict[str, Callable[[], None]] = {
    each.__name__: each
    for each in (
        *(history, confusion, demo_gradcam, demo_timeline, relay_cut, views),
        *(cost, reversal, relay_ablation, small_batches, speed_kept, your_network),
    )
}


if __name__ == "__main__":
    for name in sys.argv[1:] or FIGURES:
        FIGURES[name]()

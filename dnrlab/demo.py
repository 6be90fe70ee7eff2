"""The demo: make synthetic videos, then train, evaluate and explain four small networks on them.

    python -m dnrlab.demo --out runs/demo

The demo runs the notebooks with papermill, two trainings at a time on two or more cores.
"""

import argparse
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import joblib
import pandas as pd

from dnrlab.batch.execute import run_notebook
from dnrlab.data.manifest import read_manifest
from dnrlab.data.synthetic.make import named_set, pair_accuracy
from dnrlab.files import atomic_write
from dnrlab.parent import workers_of
from dnrlab.runs.folder import CONFIG, METRICS, PREDICTIONS, WEIGHTS

NETWORKS: dict[str, dict[str, bool | str]] = {
    "bn": {"dnr": False, "interlacing": "never"},
    "bn_interlaced": {"dnr": False, "interlacing": "always"},
    "relay": {"dnr": True, "interlacing": "never"},
    "dnr": {"dnr": True, "interlacing": "always"},
}
MEANINGS = {
    "bn": "batch norm",
    "bn_interlaced": "batch norm, channels interlaced",
    "relay": "DNR's relay alone",
    "dnr": "DNR: relay, channels interlaced",
}


def main() -> None:
    """Run the demo and print its table."""
    parser = argparse.ArgumentParser(prog="python -m dnrlab.demo", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", default="runs/demo", help="folder of the runs, figures and summary.json")
    parser.add_argument("--notebooks", default="notebooks", help="folder of the notebooks")
    parser.add_argument("--epochs", type=int, default=0, help="epochs of each training; 0 takes the recipe's")
    parser.add_argument(
        "--keep", default="", help="folder to copy the four networks into: configuration, weights and metrics"
    )
    arguments = parser.parse_args()
    summary = run_demo(Path(arguments.out), Path(arguments.notebooks), arguments.epochs)
    print("\n" + table(summary) + "\n")
    print("figures:")
    for figure in summary["figures"]:
        print(f"  {figure}")
    print(f"all numbers: {arguments.out}/summary.json ({summary['seconds']:.0f} s)")
    if arguments.keep:
        keep_networks(Path(arguments.out), Path(arguments.keep))
        print(f"the four networks: {arguments.keep}")


def run_demo(out: Path, notebooks: Path, epochs: int = 0) -> dict[str, Any]:
    """Make the videos, run the notebooks and write ``summary.json``. Returns the content of that file."""
    start = time.perf_counter()
    report = Reporter("demo", start)
    report("making the synthetic videos")
    manifest = named_set("synthetic")
    report(f"{len(read_manifest(manifest).rows)} videos in {manifest.parent}; training four networks")
    jobs = [joblib.delayed(train_and_evaluate)(name, out, notebooks, manifest, epochs, start) for name in NETWORKS]
    results = joblib.Parallel(**workers_of(min(2, os.cpu_count() or 1)))(jobs)
    report("heat maps and affine dynamics")
    figures = str(out / "figures")
    shared = {"manifest": str(manifest), "out_dir": figures, "num_videos": 4}
    runs = [str(out / name) for name in ("bn", "relay", "dnr")]
    run_notebook(notebooks / "03_gradcam.ipynb", out / "03_gradcam.ipynb", {"runs": runs, **shared})
    dynamics = {"run_dir": str(out / "dnr"), **shared}
    run_notebook(notebooks / "04_affine_dynamics.ipynb", out / "04_affine_dynamics.ipynb", dynamics)
    summary: dict[str, Any] = dict(zip(NETWORKS, results, strict=True))
    summary["figures"] = sorted(path.as_posix() for path in Path(figures).glob("*.png"))
    summary["seconds"] = round(time.perf_counter() - start, 1)
    with atomic_write(out / "summary.json") as unfinished:
        unfinished.write_text(json.dumps(summary, indent=2), encoding="utf-8")
    return summary


def train_and_evaluate(
    name: str, out: Path, notebooks: Path, manifest: Path, epochs: int, start: float
) -> dict[str, Any]:
    """Run notebooks 01 and 02 for one network. Returns its accuracies on the test split."""
    report, run_dir = Reporter(name, start), out / name
    shared = {"manifest": str(manifest), "run_dir": str(run_dir)}
    training = {**shared, **NETWORKS[name], "recipe": "demo", "epochs": epochs}
    run_notebook(notebooks / "01_train.ipynb", run_dir / "01_train.ipynb", training, report=report)
    run_notebook(notebooks / "02_evaluate.ipynb", run_dir / "02_evaluate.ipynb", shared, report=report)
    predictions = pd.read_csv(run_dir / PREDICTIONS)
    evaluated = json.loads((run_dir / METRICS).read_text(encoding="utf-8"))["evaluated"]
    return {**pair_accuracy(list(predictions["label"]), list(predictions["predicted"])), "evaluated": evaluated}


def keep_networks(out: Path, folder: Path) -> None:
    """Copy configuration, weights and metrics of the four networks from ``out`` into ``folder``."""
    for name in NETWORKS:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for file in (CONFIG, WEIGHTS, METRICS):
            shutil.copyfile(out / name / file, folder / name / file)


class Reporter:
    """Prints each line after the seconds since ``start`` and a name. It is a class because processes must pickle it."""

    def __init__(self, name: str, start: float) -> None:
        self.name, self.start = name, start

    def __call__(self, line: str) -> None:
        print(f"[{time.perf_counter() - self.start:5.0f} s] {self.name:>13}: {line}", flush=True)


def table(summary: dict[str, Any]) -> str:
    """The accuracies of the four networks, one line per network."""
    lines = [f"{'network':<34}{'top-1':>7}{'pair':>7}{'within pair':>13}"]
    for name, meaning in MEANINGS.items():
        row = summary[name]
        lines.append(f"{meaning:<34}{row['top1']:>7.2f}{row['pair']:>7.2f}{row['within_pair']:>13.2f}")
    lines.append(f"{'chance':<34}{0.1:>7.2f}{0.2:>7.2f}{0.5:>13.2f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

"""Every notebook, with tiny parameters, opened and run in JupyterLab in a real browser: no error on the page."""

import shutil

import nbformat
import pytest

from dnrlab.recipes.named import demo
from tests.helpers.browser import browser_page, jupyterlab, open_notebook, run_all
from tests.helpers.paths import PROJECT

pytestmark = pytest.mark.slow

NOTEBOOKS = sorted(path.stem for path in (PROJECT / "notebooks").glob("*.ipynb"))
RUN_DIR, RUNS = {"run_dir": "{root}/networks/dnr"}, {"runs": ["{root}/networks/bn", "{root}/networks/dnr"]}
SMALL = {"crop_size": 32, "short_side": 36, "num_frames": 4, "batch_size": 10}
OUT, CPU = {"out_dir": "{root}/out"}, {"device": "cpu"}
TINY = {
    "01_train": {"run_dir": "{root}/trained", "epochs": 1, "cache_dir": "", **SMALL, **CPU},
    "02_evaluate": {**RUN_DIR, "cache_dir": "", **CPU},
    "03_gradcam": {**RUNS, "num_videos": 1, "max_videos": 10, **OUT, **CPU},
    "04_affine_dynamics": {**RUN_DIR, "num_videos": 1, "max_videos": 10, **OUT, **CPU},
    "05_data": {"settings": {"crop_size": 32, "short_side": 36}, "num_shown": 2, "batch_size": 4, "num_batches": 2,
                "num_workers": 1, **OUT},
    "06_cost": {"model": "tsn_resnet18", "width": 8, "num_frames": 2, "crop_size": 32, "short_side": 36, "rounds": 1,
                "sampling": "segments", "num_batches": 1, "num_workers": 1, "num_clips": 2, **OUT, **CPU},
    "07_reversal": {**RUNS, **OUT, **CPU},
    "08_relay_ablation": {"groups": ["where"], "workers": 1, "epochs": 1, "cache_dir": "", "settings": SMALL,
                          **OUT, **CPU},
    "09_small_batches": {"norms": ["batch", "dnr"], "batch_sizes": [10], "workers": 1, "epochs": 1, "cache_dir": "",
                         "settings": SMALL, **OUT, **CPU},
    "10_efficiency": {"models": ["tsn_resnet18"], "num_frames": 2, "crop_size": 32, "width": 8, "rounds": 2, **OUT,
                      **CPU},
    "11_explorer": {**RUNS, **OUT, **CPU},
    "12_your_network": {"max_videos": 10, "batch_size": 5, "num_frames": 4, "crop_size": 16,
                        "image_network": "test_resnet", **OUT, **CPU},
}  # fmt: skip
DONE = "the notebook ended"


def filled(value, root):
    """``{root}`` in texts, also within lists, replaced."""
    if isinstance(value, list):
        return [filled(each, root) for each in value]
    return value.replace("{root}", str(root)) if isinstance(value, str) else value


@pytest.fixture(scope="module")
def lab(synthetic, tmp_path_factory):
    """A server for copies of all notebooks with tiny parameters, and a last cell that says that they ended."""
    root = tmp_path_factory.mktemp("notebooks")
    shutil.copytree(PROJECT / "notebooks" / "networks", root / "networks")
    for name in NOTEBOOKS:
        notebook = nbformat.read(PROJECT / "notebooks" / f"{name}.ipynb", 4)
        if name in TINY:
            given = {key: filled(value, root) for key, value in TINY[name].items()}
            given |= {} if name == "10_efficiency" else {"manifest": str(synthetic)}
            lines = "# Parameters\n" + "\n".join(f"{key} = {value!r}" for key, value in given.items())
            (index,) = (at for at, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", []))
            notebook.cells.insert(index + 1, nbformat.v4.new_code_cell(lines))
        notebook.cells.append(nbformat.v4.new_code_cell(f"print('{DONE[:3]}' + '{DONE[3:]}')"))  # not in the source
        nbformat.write(notebook, root / f"{name}.ipynb")
    with jupyterlab(tmp_path_factory.mktemp("server"), root) as server:
        yield server


def test_every_notebook_has_tiny_parameters():
    assert {"00_start_here", *TINY} == set(NOTEBOOKS)
    assert demo().data.crop_size > SMALL["crop_size"]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_without_an_error_on_the_page(name, lab):
    with browser_page() as page:
        open_notebook(page, lab, f"{name}.ipynb")
        run_all(page, DONE, timeout=240_000)
        assert page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.error']").count() == 0
        assert page.get_by_text("Error displaying widget").count() == 0
        assert page.errors == []

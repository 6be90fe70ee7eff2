"""JupyterLab in a headless Chromium, with folders of its own."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

import nbformat
import pytest

TOKEN = "tests"
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false"},
    "notebook-extension/tracker": {"windowingMode": "none"},  # all cells are on the page, also those out of sight
}
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip


def chromium():
    """The path of Chromium, or a skip."""
    pytest.importorskip("playwright", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    return found


@contextmanager
def browser_page(width=1280, height=900):
    """A page of a headless Chromium. Errors on the page are collected in ``page.errors``."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page(viewport={"width": width, "height": height})
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        try:
            yield page
        finally:
            browser.close()


@contextmanager
def jupyterlab(folder, root):
    """A JupyterLab server for the notebooks in ``root``; its settings lie in ``folder``. Yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    kinds = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR",
             "JUPYTERLAB_WORKSPACES_DIR")  # fmt: skip
    places = {kind: str(folder / kind.lower()) for kind in kinds}
    for name, values in SETTINGS.items():
        file = folder / "jupyterlab_settings_dir" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    flags = [
        "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--no-browser",
        "--allow-root", f"--IdentityProvider.token={TOKEN}", "--LabApp.extension_manager=readonly",
        f"--ServerApp.root_dir={root}",
    ]  # fmt: skip
    command = [sys.executable, "-m", "jupyter", "lab", *flags]
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(command, env=os.environ | places, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}/api?token={TOKEN}", folder / "server.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


def wait_for(address, log, seconds=90):
    """Wait until a server answers."""
    for _ in range(2 * seconds):
        try:
            urllib.request.urlopen(address, timeout=5).read()
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise AssertionError(log.read_text())


def open_notebook(page, server, name):
    """Open a notebook in JupyterLab and wait for its kernel."""
    page.goto(f"{server}/lab/tree/{name}?token={TOKEN}&reset")
    page.wait_for_selector(".jp-NotebookPanel-toolbar", timeout=60_000)
    page.wait_for_selector('#jp-main-statusbar :text("| Idle")', timeout=90_000)  # the indicator is idle before that


def run_all(page, done, timeout=120_000):
    """Run all cells and wait until an output contains the text ``done``."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.locator('.lm-Menu-item[data-command="runmenu:run-all"]').click()
    page.wait_for_selector(f'.jp-OutputArea-output:has-text("{done}")', state="attached", timeout=timeout)


def write_notebook(file, sources):
    """Write a notebook of code cells."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, file)

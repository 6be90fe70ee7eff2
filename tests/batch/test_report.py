"""The report: what it says, and that nothing of a stranger's notebook or name can run or fetch anything."""

import json
import re

import pytest

from dnrlab.batch.index import Index, write_index
from dnrlab.batch.notebook_html import clean, notebook_html
from dnrlab.batch.report import write_report
from dnrlab.batch.run import Run, Runs, Step
from dnrlab.batch.state import State, state_file, write_state

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>"
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def markdown(text):
    return {"cell_type": "markdown", "id": str(abs(hash(text)))[:8], "metadata": {}, "source": text}


def code(source, *outputs):
    cell = {"cell_type": "code", "id": str(abs(hash(source)))[:8], "metadata": {}, "source": source}
    return cell | {"outputs": list(outputs), "execution_count": 1}


def shown(**data):
    return {"output_type": "display_data", "data": {key.replace("_", "/"): value for key, value in data.items()},
            "metadata": {}}  # fmt: skip


def printed(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def write(file, *cells):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))


@pytest.fixture
def batch(tmp_path):
    """The folder of a batch with a finished and a failed run, whose names and notebooks are hostile."""
    runs = []
    for name, state in (("good", "done"), ("bad", "failed")):
        step = Step(name="01", notebook=tmp_path / "01.ipynb", parameters={"model": EVIL})
        run = Run(name=name, folder=tmp_path / name, varied={"case": EVIL + name}, steps=(step,))
        write(
            run.folder / "01.ipynb",
            markdown(f"# A **question**\n\n{EVIL}\n\n![a](http://example.com/a.png) [b](javascript:alert(1))"),
            code("secret = 1", printed("told\n"), printed("1%|#\r", "stderr"), shown(text_html=f"<b>table</b>{EVIL}")),
            code("plot()", shown(image_png=PICTURE), shown(**{"image_svg+xml": "<svg onload=alert(1)></svg>"})),
        )
        error = {"cell": 2, "error": f"ValueError: {EVIL}", "trace": "\x1b[31mline\x1b[0m"} if state == "failed" else {}
        facts = {"parameters": step.parameters, "seconds": 2.0, "started": "2026-01-02 03:04:05", **error}
        write_state(state_file(run, step), State(state=state, **facts))
        runs.append(run)
    write_index(tmp_path, Index(title=f"A title {EVIL}", grid=f"title: {EVIL}", runs=Runs(runs, None)))
    return tmp_path


def test_the_page_holds_findings_tables_failures_notebooks_and_the_grid(batch):
    text = write_report(batch).read_text()
    for part in ("Findings", "What failed", "Runs", "Notebooks", "Grid"):
        assert f"<h2>{part}</h2>" in text
    assert "1 of 2 runs finished, 1 failed." in text
    assert "cell 2: ValueError" in text
    assert "<strong>question</strong>" in text
    assert "told" in text
    assert PICTURE in text
    assert "secret" not in text
    assert "1%|#" not in text
    assert "\x1b" not in text
    assert "secret" in write_report(batch, code=True).read_text()


def test_nothing_of_a_stranger_runs_or_is_fetched(batch):
    text = write_report(batch, code=True).read_text()
    assert "<script" not in text
    assert not re.search(r"<[^>]*\bon\w+\s*=", text)
    assert "javascript:" not in text
    assert re.findall(r"<img[^>]*src=['\"](?!data:image/(?:png|jpeg|gif);base64,)", text) == []
    assert not re.search(r"<(link|iframe|object|embed|form|svg|base)\b", text)
    assert "default-src 'none'" in text


@pytest.mark.parametrize(
    ("given", "cleaned"),
    [
        ("<p style='background:url(http://a)'>a</p>", "<p>a</p>"),
        ("<a href='https://a'>b</a>", '<a href="https://a">b</a>'),
        ("<a href='file:///etc/passwd'>b</a>", "<a>b</a>"),
        ("<img src='data:image/svg+xml;base64,AAAA'>", "<img>"),
        ("<style>p {color: red}</style>a", "a"),
        (
            "<table><tbody><tr><td colspan='2' onclick='a()'>b</td></tr></tbody></table>",
            '<table><tbody><tr><td colspan="2">b</td></tr></tbody></table>',
        ),
    ],
)
def test_html_is_cleaned(given, cleaned):
    assert clean(given) == cleaned


def test_a_damaged_notebook_is_named_in_the_page(batch):
    (batch / "good" / "01.ipynb").write_text("{")
    assert "01.ipynb" in write_report(batch).read_text()
    with pytest.raises(ValueError, match="run it again"):
        notebook_html(batch / "good" / "01.ipynb", code=False)

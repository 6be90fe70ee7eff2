"""The report of a batch: one page that opens from a disk, without scripts and without a network."""

import base64
import html
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd

from dnrlab import findings
from dnrlab.batch.gather import Tables, gather
from dnrlab.batch.index import Index, read_index
from dnrlab.batch.notebook_html import notebook_html
from dnrlab.batch.plan import states_of
from dnrlab.batch.run import FOLDERS, Run, Step
from dnrlab.batch.state import DONE, FAILED, WAITING, State, executed_file
from dnrlab.figures import save_figure
from dnrlab.files import atomic_write
from dnrlab.plots import settings_figure
from dnrlab.text import count, duration, printable

REPORT = "report.html"
TEMPLATE = Path(__file__).parent / "report.html"
MACHINE = ("host", "processor", "cores", "threads", "torch", "python", "dnrlab")
MOST_SETTINGS = 40  # of the figure
OF_RUNS = ("top1", "top5", "mean_class", "loss")


def write_report(out: str | Path, *, code: bool = False) -> Path:
    """Write ``report.html`` into the folder of a batch: findings, tables, figures, and every executed notebook.

    Args:
        code: show the code of the notebooks, too.

    Returns: the file.

    Raises: what ``read_index`` raises.
    """
    out = Path(out)
    index = read_index(out)
    tables = gather(out, index)
    states = [state for run in index.everything for state in states_of(run)]
    parts = [
        section("Findings", sentences(findings.of_batch(*tables))),
        section("What failed", failures(index)),
        section("Figures", settings(tables, out) + figures(index)),
        section("Mean and 95 % interval", table_html(wide(tables.summary))),
        section("Differences between equal runs", table_html(tables.differences)),
        section("Runs", table_html(of_runs(tables.results, index))),
        section("Notebooks", "".join(notebooks(run, code=code) for run in index.everything)),
        section("Machines and versions", table_html(machines(states))),
        section("Grid", f"<pre>{escape(index.grid)}</pre>"),
    ]
    page = TEMPLATE.read_text(encoding="utf-8")
    filled = {"TITLE": escape(index.title), "META": escape(meta(index, states)), "BODY": "\n".join(filter(None, parts))}
    before, *rest = page.split("%%")  # text, name, text, name, …, text
    text = before + "".join(filled[name] + after for name, after in zip(rest[::2], rest[1::2], strict=True))
    with atomic_write(out / REPORT) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    return out / REPORT


def escape(value: object) -> str:
    """A value as text in HTML, without control characters."""
    return html.escape(printable(str(value)))


def section(title: str, body: str) -> str:
    """A part of the page; '' if it has nothing to show."""
    return f"<section>\n<h2>{title}</h2>\n{body}\n</section>" if body else ""


def sentences(lines: Sequence[str]) -> str:
    """Sentences as a list."""
    return "<ul class='findings'>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def meta(index: Index, states: Sequence[State]) -> str:
    """The line below the title: when, how many runs, and how long they took."""
    seconds = sum(state.seconds for state in states)
    dates = sorted(state.started for state in states if state.started)
    days = list(dict.fromkeys([dates[0][:10], dates[-1][:10]])) if dates else ["not begun"]
    runs = count(len(index.runs.runs), "run")
    written = f"written {datetime.now():%Y-%m-%d %H:%M}"
    return f"{' to '.join(days)}; {runs}, {duration(seconds / 3600)} of notebooks; {written} by dnrlab report"


def failures(index: Index) -> str:
    """Each notebook that failed: run, cell, message, and the end of its trace."""
    found = []
    for run in index.everything:
        for step, state in zip(run.steps, states_of(run), strict=True):
            if state.state == FAILED:
                where = f", cell {state.cell}" if state.cell else ""
                trace = f"<details><summary>Trace</summary><pre>{escape(state.trace)}</pre></details>"
                found.append(
                    f"<p><span class='failed'>{escape(run.name)}</span>, {escape(step.name)}{where}: "
                    f"{escape(state.error)}</p>{trace if state.trace else ''}"
                )
    return "".join(found)


def settings(tables: Tables, out: Path) -> str:
    """The figure of the settings' accuracies, which is also saved in the folder of the batch; '' for one setting."""
    table = tables.summary
    top1 = table[table["measure"] == "top1"] if len(table) else table
    if not 1 < len(top1) <= MOST_SETTINGS:
        for ending in (".png", ".csv"):  # of an earlier call
            (out / f"settings{ending}").unlink(missing_ok=True)
        return ""
    names = [findings.setting(row) for _, row in top1.iterrows()]
    finding = findings.of_batch(*tables)[1]
    note = f"points: mean; lines: 95 % intervals, over {top1['over'].iloc[0]}"
    figure = settings_figure(top1, names, finding, note)
    file = save_figure(figure, out, "settings", table=top1)
    plt.close(figure)
    return image(file)


def figures(index: Index) -> str:
    """The figures of the notebooks that ran after all others."""
    after = index.runs.after
    files = sorted(after.folder.rglob("*.png")) if after else []
    return "".join(image(file) for file in files if not file.is_symlink())


def image(file: Path) -> str:
    """A picture within the page."""
    data = base64.b64encode(file.read_bytes()).decode()
    return f"<p><img alt='{escape(file.stem)}' src='data:image/png;base64,{data}'></p>"


def of_runs(results: pd.DataFrame, index: Index) -> pd.DataFrame:
    """The table of the runs: what varies, accuracies, time, state."""
    varied = list(dict.fromkeys(name for run in index.runs.runs for name in run.varied))
    columns = ["run", "state", *varied, *(name for name in OF_RUNS if name in results), "seconds", "error"]
    table = results[columns].assign(seconds=[duration(seconds / 3600) for seconds in results["seconds"]])
    table = table.rename(columns={"seconds": "time"})
    return table if (table["error"] != "").any() else table.drop(columns="error")


def wide(summary: pd.DataFrame) -> pd.DataFrame:
    """The summary with one row per setting: a column for each accuracy, as mean and interval, then what it is over."""
    if not len(summary):
        return summary
    by = [name for name in summary if name not in ("measure", "mean", "low", "high", "n", "over")]
    texts = summary.assign(text=[findings.number_of(row) for _, row in summary.iterrows()], key="all")
    found = [*by, "key"]
    table = texts.pivot_table(index=found, columns="measure", values="text", aggfunc="first", sort=False, dropna=False)
    over = texts.groupby(found, sort=False, dropna=False)["over"].first()
    return table.assign(over=over).dropna(how="all").reset_index().drop(columns="key")


def machines(states: Sequence[State]) -> pd.DataFrame:
    """The machines that the notebooks ran on, with the number of notebooks."""
    known = pd.DataFrame([{name: state.machine.get(name, "") for name in MACHINE} for state in states if state.machine])
    return known.groupby(list(MACHINE), sort=False).size().reset_index(name="notebooks") if len(known) else known


def table_html(table: pd.DataFrame) -> str:
    """A table; '' if it is empty. Numbers have three decimals, unless they are whole."""
    if not len(table):
        return ""
    head = "".join(f"<th scope='col'>{escape(name)}</th>" for name in table.columns)
    rows = "".join(f"<tr>{''.join(map(cell, row))}</tr>" for row in table.itertuples(index=False))
    return f"<div class='scroll'><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"


def cell(value: Any) -> str:
    """A cell of a table."""
    if isinstance(value, float):
        whole = math.isfinite(value) and value == round(value) and abs(value) > 1
        text = "" if math.isnan(value) else f"{value:.0f}" if whole else f"{value:.3f}"
        return f"<td class='number'>{text}</td>"
    if value in (DONE, FAILED):
        return f"<td class='{value}'>{value}</td>"
    return f"<td>{escape(value)}</td>"


def notebooks(run: Run, *, code: bool) -> str:
    """The executed notebooks of a run, folded up; not those that were run with other parameters."""
    found = [(step, state) for step, state in zip(run.steps, states_of(run), strict=True) if state.state != WAITING]
    shown = [(step, state) for step, state in found if executed_file(run, step).is_file()]
    return "".join(one_notebook(run, step, state, code=code) for step, state in shown)


def one_notebook(run: Run, step: Step, state: State, *, code: bool) -> str:
    """An executed notebook, folded up, with its parameters above it."""
    try:
        body = notebook_html(executed_file(run, step), code=code)
    except (OSError, ValueError) as error:
        body = f"<p class='failed'>{escape(error)}</p>"
    title = f"{escape(run.name)}: {escape(step.name)}, {duration(state.seconds / 3600)}"
    given = "; ".join(f"{name} = {value}" for name, value in parameters_of(step).items())
    return f"<details class='notebook'><summary>{title}</summary><p class='meta'>{escape(given)}</p>{body}</details>"


def parameters_of(step: Step) -> Mapping[str, Any]:
    """The parameters that a notebook was given, without its folders."""
    return {name: value for name, value in step.parameters.items() if name not in FOLDERS}

"""Compute all tables of this folder from the stored predictions and measures, and draw their figure.

python notebooks/results/tables.py    # writes TABLES.md, differences.csv and differences.png
"""

from pathlib import Path

import tables_choices
import tables_inside
import tables_others
import tables_parts
import tables_runs
import tables_time

from dnrlab.experiments.variants import read_videos
from dnrlab.files import atomic_write

FOLDER = Path(__file__).parent
HEAD = (
    "# All tables\n\n`python notebooks/results/tables.py` writes this page from the stored predictions and measures. "
    "What they mean is in [RESULTS.md](RESULTS.md).\n"
)


def page() -> str:
    """The text of TABLES.md."""
    parts = [HEAD]
    for title, explanation, lines in (
        *tables_runs.sections(read_videos(FOLDER / "main.csv")),
        *tables_choices.sections(),
        *tables_parts.sections(),
        *tables_others.sections(),
        *tables_inside.sections(),
        *tables_time.sections(),
    ):
        parts.append("\n".join([f"## {title}", "", explanation, "", *lines, ""]))
    return "\n".join(parts)


if __name__ == "__main__":
    with atomic_write(FOLDER / "TABLES.md") as unfinished:
        unfinished.write_text(page(), encoding="utf-8")
    tables_runs.draw(read_videos(FOLDER / "main.csv"))

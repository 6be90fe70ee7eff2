"""What commands share: results as text, and the runtime of a terminal."""

import sys
import textwrap
from typing import Any

import pandas as pd

from dnrlab.device import Runtime

Result = dict[str, Any]  # plain values: what --json prints


def as_text(values: Result, indent: str = "") -> str:
    """Lines ``name: value``. Nested values are indented. Rows with more than two values become a table."""
    lines = []
    for name, value in values.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}:", as_text(value, indent + "  ")] if value else []
        elif isinstance(value, list) and value and len(value[0]) > 2:
            cells = pd.DataFrame(value).to_string(index=False, float_format="{:.4f}".format, na_rep="")
            lines += [f"{indent}{name}:", textwrap.indent(cells, indent + "  ")]
        elif isinstance(value, list):
            lines += [f"{indent}{name}:"] * bool(value) + [
                f"{indent}  " + ": ".join(map(str, v.values())) for v in value
            ]
        else:
            lines.append(f"{indent}{name}: {value:.4g}" if isinstance(value, float) else f"{indent}{name}: {value}")
    return "\n".join(lines)


def terminal_runtime() -> Runtime:
    """The default of commands: a GPU if there is one, a cache for small sets, a progress bar in a terminal."""
    return Runtime(device="auto", cache_dir="auto", progress=sys.stderr.isatty())


def plain_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain values, with None for nan."""
    return [
        {name: None if pd.isna(value) else value for name, value in row.items()} for row in table.to_dict("records")
    ]

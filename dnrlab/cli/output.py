"""Results of commands as text for people."""

import textwrap
from typing import Any

import pandas as pd

Result = dict[str, Any]  # plain values: what --json prints


def as_text(values: Result, indent: str = "") -> str:
    """Lines ``name: value``; nested values are indented, rows of more than two values become a table."""
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

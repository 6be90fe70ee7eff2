"""Executed notebooks as HTML without scripts, links to files, or anything from a network."""

import logging
import re
from pathlib import Path
from typing import Any

TEXT = ("a", "b", "blockquote", "br", "code", "del", "div", "em", "hr", "i", "kbd", "li", "ol", "p", "pre", "span")
TABLES = ("table", "tbody", "td", "tfoot", "th", "thead", "tr")
TAGS = frozenset([*TEXT, *TABLES, "strong", "sub", "sup", "ul", "img", "h1", "h2", "h3", "h4", "h5", "h6"])
IMAGES = ("data:image/png;base64,", "data:image/jpeg;base64,", "data:image/gif;base64,")


def notebook_html(file: Path, *, code: bool) -> str:
    """The cells of a notebook as HTML: texts and outputs, with ``code`` also what was executed.

    What was written to standard error, such as progress bars, is left out.

    Raises: OSError or ValueError if the notebook cannot be read.
    """
    import nbformat
    from nbconvert import HTMLExporter

    from dnrlab.files import explain_read_errors

    with explain_read_errors(file, "run it again"):
        notebook = nbformat.read(file, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    notebook.cells = [cell for cell in notebook.cells if code or cell.cell_type != "code" or cell.outputs]
    quiet = logging.getLogger("dnrlab.nbconvert")
    quiet.setLevel(logging.ERROR)  # it warns of each picture without a description
    exporter = HTMLExporter(
        log=quiet,
        template_name="basic",
        exclude_input=not code,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )
    body, _ = exporter.from_notebook_node(notebook)
    return clean(body)


def clean(body: str) -> str:
    """HTML with plain tags alone. Pictures stay if they are in the page; links stay if they lead to the web."""
    import bleach

    def allowed(tag: str, name: str, value: str) -> bool:
        if tag == "img":
            return name in ("alt", "width", "height") or (name == "src" and value.startswith(IMAGES))
        if tag == "a":
            return name == "href" and value.startswith(("https://", "http://"))
        return name == "class" or (tag in ("td", "th") and name in ("colspan", "rowspan"))

    attributes: Any = allowed
    body = re.sub(r"<(style|script)\b.*?</\1\s*>", "", body, flags=re.DOTALL | re.IGNORECASE)
    cleaned: str = bleach.clean(body, tags=TAGS, attributes=attributes, protocols={"data", "http", "https"}, strip=True)
    return cleaned

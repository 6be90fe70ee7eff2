"""Places in the texts of a grid, such as ``{out}``, and what fills them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dnrlab.batch.run import Run

PLACE = re.compile(r"\{(\w+)\}")


def filled(run: Run, texts: Mapping[str, Any], runs: Sequence[str]) -> Run:
    """The run with its placeholders filled in. One that is unknown stays."""
    steps = []
    for step in run.steps:
        known = {**{k: v for k, v in step.parameters.items() if isinstance(v, (str, int, float))}, **texts}
        values = {name: fill(value, known, runs) for name, value in step.parameters.items()}
        steps.append(replace(step, parameters=values))
    return replace(run, steps=tuple(steps))


def fill(value: Any, texts: Mapping[str, Any], runs: Sequence[str]) -> Any:
    """A value with its placeholders filled in, also within lists and mappings."""
    if isinstance(value, str):
        if value == "{runs}" and runs:
            return list(runs)
        return PLACE.sub(lambda found: str(texts.get(found[1], found[0])), value)
    if isinstance(value, list):
        return [fill(each, texts, runs) for each in value]
    if isinstance(value, dict):
        return {key: fill(each, texts, runs) for key, each in value.items()}
    return value

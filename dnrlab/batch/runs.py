"""The runs of a grid: every combination of the lists in it, with names made from what varies."""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from dnrlab.batch.execute import defaults_of, parameter_types
from dnrlab.batch.grid import Entry, Grid, Mistake, Mistakes, Setting
from dnrlab.batch.places import PLACE, filled
from dnrlab.batch.run import FOLDERS, REPEATED, REPLACED, RESULTS, Run, Runs, Step, matches
from dnrlab.choices import mistakes_in
from dnrlab.notebook import wrong_name, wrong_type
from dnrlab.trusted import check_trust

MOST_RUNS = 10_000
FILES = ("manifest", "root", "initial_weights")
NETWORKS = ("model", "models")  # parameters that name networks
CASE = "case"
TRAINING = {"recipe", "run_dir", "epochs"}  # parameters of a notebook that trains
EVALUATION = {"run_dir", "num_clips", "num_crops"}  # of one that evaluates its network
SPLITTING = ("split_column", "test_fold", "val_fold")  # must be the same in all notebooks of a run
AFTER = "after"  # the name of the run of the notebooks after all others
RUNS = "{runs}"


def runs_of(grid: Grid, out: Path, *, counted_by: str = "", only: str = "") -> Runs:
    """The runs of a grid in the folder ``out``. Values are checked, files too but those that the batch makes.

    ``FILES`` need not be here if ``counted_by`` names a card that counts the videos, or ``only`` leaves out their run.

    Raises: ``Mistakes``, a ValueError, lists all that is wrong.
    """
    mistakes = list(grid.mistakes)
    declared: dict[Path, dict[str, type]] = {}
    for entry in (*grid.notebooks, *grid.after):
        try:
            declared[entry.file] = parameter_types(entry.file)
        except ValueError as error:
            mistakes.append(Mistake(entry.line, str(error)))
    grid = without_unreadable(grid, declared)
    mistakes += unknown_names(grid, declared)
    factors = factors_of(grid, declared, mistakes)
    if (number := number_of(factors)) > MOST_RUNS:
        text = f"expected at most {MOST_RUNS:,} runs, got {number:,}; make several grids"
        raise Mistakes(grid.file, [*mistakes, Mistake(1, text)])
    runs = [run_of(grid, out, declared, combination) for combination in product(*factors)]
    names = [run.name.casefold() for run in runs]  # some file systems do not tell a from A
    if twice := sorted({name for name in names if names.count(name) > 1}):
        mistakes.append(Mistake(1, f"expected runs with different names, got {twice[0]} twice; name them as cases"))
    if taken := sorted({*names} & {AFTER, REPLACED}):
        mistakes.append(Mistake(1, f"expected runs with other names than {taken[0]}, got it; name the case otherwise"))
    after = after_of(grid, out, declared, runs)
    folders = {run.folder for run in runs}
    mistakes += [mistake for run in runs for mistake in untrained(run)]
    for run in [*runs, *([after] if after else [])]:
        left_out = run is not after and not matches(run, only)
        mistakes += mistakes_of(run, declared, out, folders, absent=FILES if counted_by or left_out else ())
    if mistakes:
        raise Mistakes(grid.file, mistakes)
    return Runs(runs, after)


def without_unreadable(grid: Grid, declared: Mapping[Path, Mapping[str, type]]) -> Grid:
    """The grid without notebooks that could not be read."""
    notebooks = tuple(entry for entry in grid.notebooks if entry.file in declared)
    return replace(grid, notebooks=notebooks, after=tuple(entry for entry in grid.after if entry.file in declared))


def unknown_names(grid: Grid, declared: Mapping[Path, Mapping[str, type]]) -> Iterator[Mistake]:
    """Parameters that no notebook declares."""
    known = {name: kind for entry in (*grid.notebooks, *grid.after) for name, kind in declared[entry.file].items()}
    shared = [*grid.settings, *(setting for case in grid.cases.values() for setting in case)]
    if known:
        yield from (Mistake(each.line, wrong_name(each.name, known)) for each in shared if each.name not in known)
    for entry in (*grid.notebooks, *grid.after):
        own = declared[entry.file]
        yield from (Mistake(each.line, wrong_name(each.name, own)) for each in entry.settings if each.name not in own)


class Option(NamedTuple):
    """One of the values of a factor."""

    words: str  # its part of the run's name; "" where the value is not in a list
    varied: dict[str, Any]
    settings: tuple[Setting, ...]  # of all notebooks that declare them
    entry: int | None = None  # of one notebook alone, by its position


def factors_of(grid: Grid, declared: Mapping[Path, Mapping[str, type]], mistakes: list[Mistake]) -> list[list[Option]]:
    """What multiplies, in the order of the file: each parameter, with one option or several, and the cases."""
    kinds = {name: kind for entry in grid.notebooks for name, kind in declared[entry.file].items()}
    factors = [options_of(setting, kinds[setting.name], mistakes) for setting in grid.settings if setting.name in kinds]
    if grid.cases:
        factors.append([Option(name, {CASE: name}, settings) for name, settings in grid.cases.items()])
    for position, entry in enumerate(grid.notebooks):
        own = declared[entry.file]
        for setting in entry.settings:
            if setting.name in own:
                options = options_of(setting, own[setting.name], mistakes)
                factors.append([option._replace(entry=position) for option in options])
    return factors


def options_of(setting: Setting, kind: type, mistakes: list[Mistake]) -> list[Option]:
    """The values of a parameter: the elements of a list, or of a list of lists where the parameter is a list."""
    name, value, line = setting
    many = isinstance(value, list) and (kind is not list or (bool(value) and all(isinstance(v, list) for v in value)))
    if not many:
        return [Option("", {}, (setting,))]
    if not value:
        mistakes.append(Mistake(line, f"expected values of {name}, got an empty list; give at least one"))
    counts = Counter(json.dumps(each, sort_keys=True, default=str) for each in value)
    if twice := [text for text, number in counts.items() if number > 1]:
        mistakes.append(Mistake(line, f"expected different values of {name}, got {twice[0]} twice; remove one"))
    return [Option(words_of(name, each), {name: each}, (Setting(name, each, line),)) for each in value]


def words_of(name: str, value: Any) -> str:
    """A value's part of a run's name: ``tsm_resnet50``, ``dnr``, ``no_dnr``, ``seed0``, ``lr0.05``."""
    if isinstance(value, bool):
        return name if value else f"no_{name}"
    if isinstance(value, str):
        return Path(value).stem if "/" in value else value or f"no_{name}"
    if isinstance(value, list):
        return "_".join(str(each) for each in value)
    if isinstance(value, dict):
        return "_".join(words_of(key, each) for key, each in value.items())
    return f"{name}{value}"


def number_of(factors: Sequence[Sequence[Option]]) -> int:
    """The number of combinations."""
    number = 1
    for options in factors:
        number *= len(options)
    return number


def run_of(grid: Grid, out: Path, declared: Mapping[Path, Mapping[str, type]], combination: Sequence[Option]) -> Run:
    """The run of one combination."""
    ordered = sorted(
        combination, key=lambda option: bool(REPEATED.keys() & option.varied.keys())
    )  # seeds and folds last
    words = "_".join(filter(None, (option.words for option in ordered))) or "run"
    name = re.sub(r"[^-.0-9A-Za-z_]+", "_", words)[:100].strip(".") or "run"
    varied = {key: value for option in ordered if option.words for key, value in option.varied.items()}
    shared = [setting for option in combination if option.entry is None for setting in option.settings]
    steps = []
    names = step_names(grid.notebooks)
    for position, entry in enumerate(grid.notebooks):
        own = [setting for option in combination if option.entry == position for setting in option.settings]
        steps.append(step_of(names[position], entry, declared[entry.file], [*shared, *own], out / name))
    texts = {"out": out, "run_dir": out / name, "results": out / RESULTS, **varied}
    return filled(Run(name=name, folder=out / name, varied=varied, steps=tuple(steps)), texts, [])


def after_of(grid: Grid, out: Path, declared: Mapping[Path, Mapping[str, type]], runs: Sequence[Run]) -> Run | None:
    """The run of the notebooks after all others. It takes the shared parameters that have one value."""
    if not grid.after:
        return None
    values = {name: [run.varied.get(name) for run in runs] for run in runs for name in run.varied}
    lists = {name for name, own in values.items() if any(value != own[0] for value in own)}
    shared = [setting for setting in grid.settings if setting.name not in lists]
    steps = [
        step_of(name, entry, declared[entry.file], [*shared, *entry.settings], out / AFTER)
        for name, entry in zip(step_names(grid.after), grid.after, strict=True)
    ]
    texts = {"out": out, "run_dir": out / AFTER, "results": out / RESULTS}
    run = Run(name=AFTER, folder=out / AFTER, varied={}, steps=tuple(steps))
    return filled(run, texts, [str(run.folder) for run in runs])


def step_names(entries: Sequence[Entry]) -> list[str]:
    """The names of notebooks; the second of a name has a number: ``02_evaluate``, ``02_evaluate_2``."""
    stems = [entry.file.stem for entry in entries]
    before = [stems[:position].count(stem) for position, stem in enumerate(stems)]
    return [f"{stem}_{number + 1}" if number else stem for stem, number in zip(stems, before, strict=True)]


def step_of(name: str, entry: Entry, declared: Mapping[str, type], settings: Sequence[Setting], folder: Path) -> Step:
    """A notebook with the parameters that it declares, in the folder of its run; a repeated one has a subfolder."""
    own = [setting for setting in settings if setting.name in declared]
    given = {setting.name: setting.value for setting in own}
    repeated = folder if name == entry.file.stem else folder / name  # files of the first are not overwritten
    folders = {each: str(at) for each, at in zip(FOLDERS, (folder, repeated), strict=True) if each in declared}
    return Step(
        name=name,
        notebook=entry.file,
        parameters=folders | given,
        lines={setting.name: setting.line for setting in own},
        line=entry.line,
    )


def mistakes_of(
    run: Run,
    declared: Mapping[Path, Mapping[str, type]],
    out: Path,
    folders: Collection[Path],
    *,
    absent: Sequence[str] = (),
) -> Iterator[Mistake]:
    """What is wrong with the values of a run.

    Args:
        folders: of all runs. What is below one of them need not be there yet.
        absent: parameters whose files need not be here.
    """
    for step in run.steps:
        kinds = declared[step.notebook]
        found = {name: wrong_type(name, value, kinds[name]) for name, value in step.parameters.items()}
        for name, value in step.parameters.items():
            for each in texts_in(value):
                found[name] = found[name] or wrong_place(name, each, out, folders) or untrusted(name, each)
        texts = {name: [*texts_in(value)] for name, value in step.parameters.items()}
        later = {name for name, own in texts.items() if any(is_below(each, out) for each in own)}
        unchecked = {*later, *absent, *(name for name, text in found.items() if text)}
        given = {name: value for name, value in step.parameters.items() if name not in unchecked}
        defaults = {name: value for name, value in defaults_of(step.notebook).items() if name not in unchecked}
        for name, text in mistakes_in(defaults | given):
            if name in given:
                found[name] = f"{name}: {text}"
            elif name not in unchecked:
                found[name] = f"{step.name}: {name}: {text}"
        yield from (Mistake(step.lines.get(name, step.line), text) for name, text in found.items() if text)


def untrained(run: Run) -> Iterator[Mistake]:
    """Evaluations of a run before the notebook that trains it or with other folds, and second trainings of a run."""
    trained, first = False, [step for step in run.steps if "run_dir" in step.parameters][:1]
    for step in run.steps:
        if trains(step) and trained:
            yield Mistake(step.line, f"expected one training in a run, got {step.name} after another; remove one")
        elif evaluates(step) and step in first:
            yield Mistake(step.line, f"expected a training before {step.name}, got none; put 01_train before it")
        elif first and trains(first[0]) and (name := differs(first[0], step)):
            values = [each.parameters.get(name, "") for each in (first[0], step)]
            text = f"expected {name} {values[0]!r} as in {first[0].name}, or tests are of videos that it trained on, "
            yield Mistake(step.line, f"{text}got {values[1]!r} in {step.name}; give it to all notebooks")
        trained = trained or trains(step)


def differs(training: Step, step: Step) -> str:
    """The first parameter in ``SPLITTING`` whose value is another one than in the training; '' if there is none."""
    if "manifest" not in step.parameters or step.parameters["manifest"] != training.parameters.get("manifest"):
        return ""
    pairs = ((name, training.parameters.get(name, ""), step.parameters.get(name, "")) for name in SPLITTING)
    return next((name for name, ours, theirs in pairs if ours != theirs), "")


def evaluates(step: Step) -> bool:
    """Whether a notebook evaluates the network of its run; False for a notebook that is not here any more."""
    return step.notebook.is_file() and set(defaults_of(step.notebook)) >= EVALUATION and not trains(step)


def trains(step: Step) -> bool:
    """Whether a notebook trains the network of its run."""
    return set(defaults_of(step.notebook)) >= TRAINING


def texts_in(value: Any) -> Iterator[str]:
    """All texts in a value."""
    if isinstance(value, str):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts_in(each)


def wrong_place(name: str, text: str, out: Path, folders: Collection[Path]) -> str:
    """What is wrong with the places in a text: one that is unknown, or the folder of a run that the grid has not."""
    if unknown := PLACE.search(text):
        where = " outside of after" if unknown[0] == RUNS else ""
        return f"{name}: expected a known place, got {unknown[0]}{where}; correct it, see dnrlab/batch/grid.py"
    if is_below(text, out) and not any(Path(text) == each or each in Path(text).parents for each in folders):
        own = Path(text).relative_to(out).parts[:1]
        if own and own[0] not in (RESULTS, AFTER):
            return f"{name}: expected a run of this grid in {{out}}, got {own[0]}; correct the name"
    return ""


def untrusted(name: str, text: str) -> str:
    """What is wrong with a network that is a function: it must be trusted before anything of it is imported."""
    if name not in NETWORKS or ":" not in text:
        return ""
    try:
        check_trust(text, "a grid")
    except ValueError as error:
        return f"{name}: {error}"
    return ""


def is_below(text: str, out: Path) -> bool:
    """Whether a text names something in the folder of the batch."""
    return out in Path(text).parents or Path(text) == out

"""The command line: ``dnrlab train | evaluate | spread | compare | cam | predict | bench | manifest build | check``.

Each has ``--help`` and ``--json``. Options are the fields of the dataclasses that the notebooks use.
"""

import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import tyro

from dnrlab.cli.bench import Bench
from dnrlab.cli.cam import Cam
from dnrlab.cli.compare import Compare
from dnrlab.cli.evaluate import Evaluate, Predict
from dnrlab.cli.manifest import ManifestBuild, ManifestCheck
from dnrlab.cli.output import Result, as_text
from dnrlab.cli.repeat import Repeat, repeat_defaults
from dnrlab.cli.train import Train, train_defaults
from dnrlab.data.decode.types import VideoError
from dnrlab.experiments.sweep import AllFailed

COMMANDS: dict[str, type] = {
    "train": Train,
    "evaluate": Evaluate,
    "spread": Repeat,
    "compare": Compare,
    "cam": Cam,
    "predict": Predict,
    "bench": Bench,
    "manifest build": ManifestBuild,
    "manifest check": ManifestCheck,
}
DEFAULTS = {"train": train_defaults, "spread": repeat_defaults}  # they depend on the words of the call
ERRORS = (ValueError, TypeError, OSError, VideoError, FloatingPointError, IndexError, AllFailed)  # said in a line


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; exits with 0, 1 (what was asked for failed) or 2 (the call is wrong)."""
    level = logging.INFO if os.environ.get("RANK", "0") == "0" else logging.WARNING  # torchrun's; one process talks
    logging.basicConfig(stream=sys.stderr, level=level, format="%(message)s", force=True)
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = next((name for name in COMMANDS if words[: len(name.split())] == name.split()), None)
    if name is None:
        asked = not words or words[0] in ("-h", "--help")
        if not asked:
            print(f"error: unknown command {' '.join(words[:2])!r}", file=sys.stderr)
        print(usage(), file=sys.stdout if asked else sys.stderr)
        sys.exit(0 if asked else 2)
    sys.exit(guarded(lambda: run_command(name, words[len(name.split()) :])))


def run_command(name: str, words: list[str]) -> int:
    """Parse the words of a command, run it, print its result; returns the exit code."""
    default = DEFAULTS[name](words) if name in DEFAULTS else None
    config = (tyro.conf.AvoidSubcommands, tyro.conf.OmitArgPrefixes)
    command: Any = tyro.cli(COMMANDS[name], prog=f"dnrlab {name}", args=words, default=default, config=config)
    result: Result = command.run()
    exit_code = int(result.pop("exit_code", 0))
    if result:  # of several processes one has something to say
        print(json.dumps(result, indent=2) if command.json else as_text(result))
    return exit_code


def guarded(action: Callable[[], int]) -> int:
    """Run an action; an error that a user can mend becomes one message on standard error and exit code 1."""
    try:
        return action()
    except ERRORS as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; train, evaluate, spread and manifest check go on when called again", file=sys.stderr)
        return 130


def usage() -> str:
    """The commands, a line each."""
    lines = [f"  {name:<16}{(command.__doc__ or '').splitlines()[0]}" for name, command in COMMANDS.items()]
    return "usage: dnrlab COMMAND …   (each with --help and --json)\n\n" + "\n".join(lines)

"""The command line: ``dnrlab COMMAND``; ``COMMANDS`` lists them.

Each command has ``--help`` and ``--json``. The options are the fields of the dataclasses that the notebooks use.
"""

import io
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import tyro
from torch.distributed.elastic.multiprocessing.api import SignalException

from dnrlab.cli.batch import Batch, Report
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
from dnrlab.limits import lack_of_memory, raise_open_files
from dnrlab.text import printable

COMMANDS: dict[str, type] = {
    "train": Train,
    "evaluate": Evaluate,
    "spread": Repeat,
    "compare": Compare,
    "cam": Cam,
    "predict": Predict,
    "bench": Bench,
    "batch": Batch,
    "report": Report,
    "manifest build": ManifestBuild,
    "manifest check": ManifestCheck,
}
DEFAULTS = {"train": train_defaults, "spread": repeat_defaults}  # these defaults depend on the words of the call
AGAIN = "train, evaluate, spread, batch, manifest check go on when called again"
# These errors are reported as one message, without a traceback.
ERRORS = (ValueError, TypeError, OSError, VideoError, FloatingPointError, IndexError, AllFailed)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command. The exit code is 0, 1 (the command failed), 2 (wrong call), 130 (interrupted) or 143 (SIGTERM)."""
    for stream in (sys.stdout, sys.stderr):  # a terminal that has no γ shows a question mark
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    level = logging.INFO if os.environ.get("RANK", "0") == "0" else logging.WARNING  # torchrun sets RANK
    logging.basicConfig(stream=sys.stderr, level=level, format="%(message)s", force=True)
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = next((name for name in COMMANDS if words[: len(name.split())] == name.split()), None)
    if name is None:
        wants_help = not words or words[0] in ("-h", "--help")
        if not wants_help:
            print(f"error: expected a command, got {' '.join(words[:2])!r}; choose one of these", file=sys.stderr)
        print(usage(), file=sys.stdout if wants_help else sys.stderr)
        sys.exit(0 if wants_help else 2)
    with ending_at_sigterm():
        code = guarded(lambda: run_command(name, words[len(name.split()) :]))
    sys.exit(code)


def run_command(name: str, words: list[str]) -> int:
    """Parse the words of a command, run it and print its result. Returns the exit code."""
    raise_open_files()
    default = DEFAULTS[name](words) if name in DEFAULTS else None
    config = (tyro.conf.AvoidSubcommands, tyro.conf.OmitArgPrefixes)
    command: Any = tyro.cli(COMMANDS[name], prog=f"dnrlab {name}", args=words, default=default, config=config)
    result: Result = command.run()
    exit_code = int(result.pop("exit_code", 0))
    if result:  # only rank 0 has a result
        print(json.dumps(result, indent=2) if command.json else printable(as_text(result)))
    return exit_code


class Ended(SystemExit):
    """A signal ended the command. Files are left whole, and the processes that it started end, as after an error."""


@contextmanager
def ending_at_sigterm() -> Iterator[None]:
    """Let SIGTERM raise ``Ended``. Not under torchrun, which ends its processes itself, and not in other threads."""
    if "TORCHELASTIC_RUN_ID" in os.environ or threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _: object) -> None:
        raise Ended(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def guarded(action: Callable[[], int]) -> int:
    """Run an action. An error that a user can fix becomes one message on standard error and exit code 1."""
    try:
        return action()
    except ERRORS as error:
        print(printable(f"error: {error}"), file=sys.stderr)
        return 1
    except (Ended, SignalException) as error:  # torch's own, while it runs processes
        print("ended by a signal; " + AGAIN, file=sys.stderr)
        return int(error.code or 1) if isinstance(error, Ended) else 128 + int(error.sigval)
    except KeyboardInterrupt:
        print("interrupted; " + AGAIN, file=sys.stderr)
        return 130
    except (MemoryError, RuntimeError) as error:
        if not (lack := lack_of_memory(error)):
            raise
        print(f"error: {lack}", file=sys.stderr)
        return 1


def usage() -> str:
    """One line per command."""
    lines = [f"  {name:<16}{(command.__doc__ or '').splitlines()[0]}" for name, command in COMMANDS.items()]
    return "usage: dnrlab COMMAND …   (each with --help and --json)\n\n" + "\n".join(lines)

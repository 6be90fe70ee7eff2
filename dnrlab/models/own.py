"""Networks of one's own: ``package.module:function`` in place of a name."""

import hashlib
import importlib
import inspect
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import Tensor, nn

from dnrlab.models.inject import add_dnr, add_interlacing
from dnrlab.models.injected import Interlace
from dnrlab.relay import InterlacedConv2d, InterlacedConv3d, RelayNorm
from dnrlab.torchvision_guard import guard_torchvision

Function = Callable[..., nn.Module]


def is_own(name: str) -> bool:
    """Whether a network's name is that of a function."""
    return ":" in name


def find_function(name: str) -> Function:
    """The function ``package.module:function``. Modules in the current folder are found, too.

    A module whose file has changed since it was imported is imported again.

    Raises: ValueError if there is no such module or function, or the module cannot be imported.
    """
    guard_torchvision()
    module_name, _, function_name = name.partition(":")
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.append(folder)  # last: it must not hide an installed module
    try:
        module = fresh(importlib.import_module(module_name))
        function: Any = getattr(module, function_name, None)
        if callable(function) and getattr(function, "__module__", module_name) in sys.modules:
            fresh(sys.modules[function.__module__])  # where it is defined
            function = getattr(fresh(module), function_name)
    except Exception as error:  # whatever the user's module raises
        raise ValueError(
            f"expected a module {module_name} for the network {name}, got {type(error).__name__}: {error}; give "
            "package.module:function without .py, and run this from the module's folder, or put it on PYTHONPATH"
        ) from error
    if not callable(function):
        known = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise ValueError(
            f"expected a function {function_name!r} in {module.__file__}, got none; it has {', '.join(known) or 'none'}"
        )
    found: Function = function
    return found


IMPORTED: dict[str, str] = {}  # digest of each module's file when it was imported


def fresh(module: ModuleType) -> ModuleType:
    """The module, imported again if its file has changed since."""
    file = getattr(module, "__file__", None)
    if file is None or not file.endswith(".py"):
        return module
    digest = file_digest(file)
    if IMPORTED.setdefault(module.__name__, digest) != digest:
        importlib.invalidate_caches()
        module = importlib.reload(module)
        IMPORTED[module.__name__] = digest
    return module


def file_digest(file: str | Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def source_digest(name: str) -> str:
    """SHA-256 of the file that defines the function ``package.module:function``, in hexadecimal digits.

    Other modules that it imports are not part of it.

    Raises: ValueError, see ``find_function``; or if the function has no source file.
    """
    function: Any = find_function(name)
    while isinstance(function, partial):
        function = function.func
    function = inspect.unwrap(function)
    try:
        file = inspect.getsourcefile(function if hasattr(function, "__qualname__") else type(function))
    except TypeError:
        file = None
    if file is None:
        raise ValueError(f"expected a source file of {name}, got none; write the function in Python")
    return file_digest(file)


def build_own(name: str, *, interlaces: bool, **settings: Any) -> nn.Module:
    """The network of a function, with DNR or interlacing if wanted.

    The function is given those settings that it names as arguments, and ``num_classes`` if it has ``**arguments``.
    Without an argument ``dnr`` it returns the plain network, and DNR is put into it here; likewise without an argument
    ``interlacing``.

    Raises: TypeError if it returns no module, or needs an argument that is no setting; ValueError if its network has
        other DNR than wanted, or see ``find_function`` and ``add_dnr``.
    """
    function, known = find_function(name), {**settings, "interlacing": interlaces}
    parameters = list(inspect.signature(function).parameters.values())
    single = [each for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
    unknown = [each.name for each in single if each.default is each.empty and each.name not in known]
    unknown += [each.name for each in parameters if each.kind is each.POSITIONAL_ONLY]
    if unknown:
        raise TypeError(
            f"expected {name} to need only {', '.join(known)}, got {', '.join(unknown)}; give the others defaults"
        )
    takes = {each.name for each in single}
    if any(each.kind is each.VAR_KEYWORD for each in parameters):  # torchvision's networks pass num_classes on
        takes.add("num_classes")
    model = function(**{key: value for key, value in known.items() if key in takes})
    if not isinstance(model, nn.Module):
        raise TypeError(f"expected {name} to return a torch.nn.Module, got {type(model).__name__}; return the network")
    has = {module.config for module in model.modules() if isinstance(module, RelayNorm)}
    dnr, frames = settings["dnr"], settings["num_frames"]
    if dnr is not None and not has and "dnr" not in takes:
        add_dnr(model, dnr, num_frames=frames, interlacing=interlaces)
    elif has != (set() if dnr is None else {dnr}):
        raise ValueError(
            f"expected {name} to return a network with {dnr or 'no DNR'}, got {', '.join(map(str, has)) or 'no DNR'}; "
            "give it an argument dnr and pass it to add_dnr, or return the plain network"
        )
    elif interlaces and not has and "interlacing" not in takes:
        add_interlacing(model, num_frames=frames)
    if is_interlaced(model) and not interlaces:
        raise ValueError(
            f"expected {name} to return a network without interlacing, got one with it; give it an argument "
            "interlacing and pass it to add_dnr, or return the plain network"
        )
    check_inputs_and_logits(model, name, settings["num_classes"])
    return model


def is_interlaced(model: nn.Module) -> bool:
    """Whether ``add_dnr`` or a module of dnrlab interlaces channels somewhere in a network."""
    hooks = (hook for module in model.modules() for hook in module._forward_pre_hooks.values())
    modules = any(isinstance(module, InterlacedConv2d | InterlacedConv3d) for module in model.modules())
    return modules or any(isinstance(hook, Interlace) for hook in hooks)


def check_inputs_and_logits(model: nn.Module, name: str, num_classes: int) -> None:
    """Make a network of a function explain clips that reach a layer for images, and logits of another shape."""
    images = next((module for module in model.modules() if isinstance(module, nn.Conv2d)), None)
    if images is not None:
        images.register_forward_pre_hook(RefuseClips(name))
    model.register_forward_hook(CheckLogits(name, num_classes), with_kwargs=True)


class RefuseClips:
    """A forward pre-hook of a layer for images that raises ValueError for clips."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if inputs and isinstance(inputs[0], Tensor) and inputs[0].ndim == 5:
            raise ValueError(
                f"expected {self.name} to return a network for clips, got one for images; "
                "return dnrlab.models.PerFrame(network)"
            )


class CheckLogits:
    """A forward hook that raises ValueError unless a network gives logits (N, num_classes) for N clips."""

    def __init__(self, name: str, num_classes: int) -> None:
        self.name, self.num_classes = name, num_classes

    def __call__(self, module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:
        clips = next(each for each in (*inputs, *named.values()) if isinstance(each, Tensor))
        expected = (clips.shape[0], self.num_classes)
        shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        if shape != expected:
            raise ValueError(
                f"expected logits {expected} from the network of {self.name}, got {shape}; "
                "return one row of num_classes logits per clip"
            )

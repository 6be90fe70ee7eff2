"""Read the tensors of a file of weights, without running code from it."""

import io
import re
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors.torch import load as load_safetensors
from torch import Tensor

from dnrlab.files import explain_read_errors

WRAPPERS = ("state_dict", "model_state", "model_state_dict", "model")  # keys under which trainers store the tensors
DAMAGED = "copy or download it again; it must be a file that safetensors or torch.save wrote"


def read_tensors(file: str | Path) -> dict[str, Tensor]:
    """The tensors of a file by name: a ``.safetensors`` file, or one of ``torch.save`` that loads without running code.

    Raises: FileNotFoundError if there is no such file; ValueError if it is cut or damaged, if it holds anything else
        than tensors and plain values (such a file could run code), or if no state dict is found in it; TypeError if
        it is no path.
    """
    if not isinstance(file, str | Path):
        raise TypeError(f"expected the path of a file, got {type(file).__name__}; a state dict needs load_state_dict")
    file = Path(file).expanduser()
    if file.is_dir():
        raise FileNotFoundError(
            f"expected a file of weights, got the folder {file}; give a file in it, such as {file / 'best.safetensors'}"
        )
    if not file.is_file():
        raise FileNotFoundError(f"expected a file of weights at {file}, got no such file; check the path")
    with explain_read_errors(file, DAMAGED):
        data = file.read_bytes()
        if file.suffix == ".safetensors":
            return load_safetensors(data)
        content, refused = None, None
        try:
            content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        except UnpicklingError as error:
            if not re.search(r"unsupported (global|class)", str(error), re.IGNORECASE):
                raise
            refused = error
        except OSError as error:  # a cut file is read past its end; the file itself was read above
            raise EOFError(str(error)) from error
    if refused is not None:
        raise ValueError(refusal(file)) from refused
    return unwrapped(content, file)


def refusal(file: Path) -> str:
    """What is wrong with a file that could run code, and the lines that make a file of its tensors."""
    return (
        f"expected tensors and plain values in {file}, got Python objects, and loading these can run any code; "
        "if you trust its source, store the tensors alone, and give the new file:\n"
        f"  weights = torch.load({str(file)!r}, map_location='cpu', weights_only=False)\n"
        f"  torch.save(getattr(weights, 'state_dict', lambda: weights['state_dict'])(), "
        f"{str(file.with_suffix('.weights.pth'))!r})"
    )


def unwrapped(content: Any, file: Path) -> dict[str, Tensor]:
    """The state dict in the content of a file: the content itself, or what stands under one of the ``WRAPPERS``."""
    while isinstance(content, dict):
        dicts = [key for key, value in content.items() if is_state_dict(value)]
        if len(dicts) > 1:
            raise ValueError(
                f"expected one state dict in {file}, got {', '.join(map(str, dicts))}; store the one that you mean: "
                f"torch.save(torch.load({str(file)!r})[{dicts[0]!r}], 'weights.pth')"
            )
        inner = next((content[key] for key in WRAPPERS if isinstance(content.get(key), dict)), None)
        if inner is None:
            break
        content = inner
    if is_state_dict(content):
        return dict(content)
    keys = f"a dictionary with the keys {', '.join(map(str, content))[:200]}" if isinstance(content, dict) else ""
    raise ValueError(
        f"expected a state dict, alone or under one of the keys {', '.join(WRAPPERS)}, "
        f"got {keys or type(content).__name__}; store it with torch.save(model.state_dict(), {str(file)!r})"
    )


def is_state_dict(value: Any) -> bool:
    """Whether a value is a dictionary of tensors, and not an empty one."""
    return isinstance(value, dict) and bool(value) and all(isinstance(each, Tensor) for each in value.values())

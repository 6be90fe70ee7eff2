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

WRAPPERS = ("state_dict", "model_state", "model")  # keys under which trainers store the tensors
DAMAGED = "copy or download it again; it must be a file that safetensors or torch.save wrote"


def read_tensors(file: str | Path) -> dict[str, Tensor]:
    """The tensors of a file by name: a ``.safetensors`` file, or one of ``torch.save`` that loads without running code.

    Raises: FileNotFoundError if there is no such file; ValueError if it is cut or damaged, if it holds anything else
        than tensors and plain values (such a file could run code), or if no state dict is found in it.
    """
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
        try:
            content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        except UnpicklingError as error:
            if not re.search(r"unsupported (global|class)", str(error), re.IGNORECASE):
                raise
            refused = error
        except OSError as error:  # a cut file is read past its end; the file itself was read above
            raise EOFError(str(error)) from error
        else:
            return unwrapped(content, file)
    raise ValueError(refusal(file)) from refused


def refusal(file: Path) -> str:
    """What is wrong with a file that could run code, and the lines that make a file of its tensors."""
    return (
        f"expected tensors and plain values in {file}, got Python objects, and loading these can run any code; "
        "if you trust its source, store the tensors alone, and give the new file:\n"
        f"  weights = torch.load({str(file)!r}, map_location='cpu', weights_only=False)\n"
        f"  torch.save(weights['state_dict'], {str(file.with_suffix('.weights.pth'))!r})"
    )


def unwrapped(content: Any, file: Path) -> dict[str, Tensor]:
    """The state dict in the content of a file: the content itself, or what stands under one of the ``WRAPPERS``."""
    while isinstance(content, dict):
        inner = next((content[key] for key in WRAPPERS if isinstance(content.get(key), dict)), None)
        if inner is None:
            break
        content = inner
    if isinstance(content, dict) and content and all(isinstance(value, Tensor) for value in content.values()):
        return dict(content)
    keys = f"a dictionary with the keys {', '.join(map(str, content))[:200]}" if isinstance(content, dict) else ""
    raise ValueError(
        f"expected a state dict, alone or under one of the keys {', '.join(WRAPPERS)}, "
        f"got {keys or type(content).__name__}; store it with torch.save(model.state_dict(), {str(file)!r})"
    )

"""Where work runs: devices by name, the runtime that notebooks and commands share, and bfloat16 on a GPU alone."""

import pytest
import torch

from dnrlab.device import ON_CPU, Runtime, autocast, pick_device


def test_a_device_that_is_not_there_is_named():
    assert pick_device("cpu") == "cpu"
    assert pick_device("auto") in ("cpu", "cuda")
    with pytest.raises(ValueError, match="expected device auto, cpu, cuda or cuda:N, got 'gpu'"):
        pick_device("gpu")
    with pytest.raises(ValueError, match="GPUs that torch sees, got 'cuda:99'"):
        pick_device("cuda:99")


def test_a_runtime_is_checked_when_it_is_made():
    assert Runtime(device="auto").device == pick_device("auto")
    assert (ON_CPU.device, ON_CPU.num_workers, ON_CPU.cache_dir, ON_CPU.progress) == ("cpu", 0, "", False)
    with pytest.raises(ValueError, match="expected device auto, cpu"):
        Runtime(device="tpu")
    with pytest.raises(ValueError, match="expected num_workers of at least 0, got -1"):
        Runtime(num_workers=-1)


def test_a_cpu_computes_in_float32():
    with autocast("cpu"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


@pytest.mark.needs_cuda
def test_a_gpu_computes_in_bfloat16():
    ones = torch.ones(2, 2, device="cuda")
    with autocast(ones.device), autocast("cuda:0"):
        assert (ones @ ones).dtype == torch.bfloat16

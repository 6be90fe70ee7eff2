"""What tests of layers share: clips, tolerances, plain weights for the loops, and numeric gradients."""

import torch

EXACT = {"rtol": 1e-10, "atol": 1e-10}


def clip(channels=4, frames=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, channels, frames, 2, 3, generator=generator, dtype=torch.float64) * 2 + 0.5


def plain(cell):
    """A cell's parameters for the reference."""

    def numbers(layer):
        return layer.weight.tolist(), layer.bias.tolist()

    pairs = {"A": cell.input_gates, "B": cell.hidden_gates}
    first = {name: [numbers(part[i]) for i in (0, 2)] for name, part in pairs.items()}
    deeper = [{"A": numbers(each.input_gates), "B": numbers(each.hidden_gates)} for each in cell.deeper]
    return {**first, "deeper": deeper}


def running(norm):
    return norm.running_mean.tolist(), norm.running_var.tolist()


def unlike_start(norm):
    """Running statistics that a wrong use of them would show."""
    with torch.no_grad():
        norm.running_mean.uniform_(-1, 1)
        norm.running_var.uniform_(0.5, 2)
    return norm


def numeric_gradient(function, tensor, positions, step=1e-6):
    """Central differences of a scalar function by some entries of a tensor."""
    gradients = []
    for position in positions:
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                tensor.view(-1)[position] += sign * step
                values.append(float(function()))
                tensor.view(-1)[position] -= sign * step
        gradients.append((values[0] - values[1]) / (2 * step))
    return torch.tensor(gradients, dtype=torch.float64)


def assert_gradients(function_of_module, function_by_loops, tensors, atol=1e-8):
    """Autograd of the module against central differences of the loops, whose rounding grows with the sums' size."""
    function_of_module().backward()
    for tensor in tensors:
        positions = torch.linspace(0, tensor.numel() - 1, min(tensor.numel(), 5)).long().tolist()
        expected = numeric_gradient(function_by_loops, tensor, positions)
        torch.testing.assert_close(tensor.grad.view(-1)[positions], expected, rtol=1e-6, atol=atol)


OPTIONS = [
    {"direction": "bi"},
    {"direction": "bi_shared"},
    {"depth": 3},
    {"reduction": 2},
    {"statistics": "clip"},
    {"standardization": "group"},
    {"standardization": "instance"},
    {"standardization": "layer"},
    {"standardization": "instance", "statistics": "clip"},
    {"direction": "bi", "depth": 2, "statistics": "clip"},
]

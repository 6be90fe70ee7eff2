"""A store of limited size: what was used least recently is dropped first."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Store(Generic[Value]):
    """Values by key, of at most ``budget`` bytes together. A value above the budget is not stored.

    Args:
        budget: bytes.
    """

    def __init__(self, budget: int) -> None:
        self.budget, self.used = budget, 0
        self.values: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()

    def get(self, key: Hashable) -> Value | None:
        """The value, now the most recently used; None if there is none."""
        if key not in self.values:
            return None
        self.values.move_to_end(key)
        return self.values[key][0]

    def put(self, key: Hashable, value: Value, num_bytes: int) -> None:
        """Store a value of ``num_bytes`` and drop others until all fit."""
        if key in self.values:
            self.used -= self.values.pop(key)[1]
        if num_bytes > self.budget:
            return
        while self.used + num_bytes > self.budget:
            self.used -= self.values.popitem(last=False)[1][1]
        self.values[key], self.used = (value, num_bytes), self.used + num_bytes

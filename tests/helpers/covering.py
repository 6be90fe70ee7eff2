"""Covering arrays: few combinations of options in which every pair of values occurs."""

from itertools import combinations, product


def pairs_of(row):
    """The pairs of (option, value) that a combination holds."""
    return {frozenset(pair) for pair in combinations(row.items(), 2)}


def covering_array(values):
    """Combinations of ``values`` (option: its values) that hold every pair of values of two options at least once.

    Greedy: each combination takes, among all, the one with the most pairs that none before holds. Three options of two
    values need four combinations instead of eight. The same every time.
    """
    rows = [
        (row, pairs_of(row)) for row in (dict(zip(values, each, strict=True)) for each in product(*values.values()))
    ]
    missing, chosen = set().union(*(pairs for _, pairs in rows)), []
    while missing:
        row, pairs = max(rows, key=lambda each: len(each[1] & missing))
        missing -= pairs
        chosen.append(row)
    return chosen

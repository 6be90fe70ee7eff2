"""How well gamma and beta alone predict the class: one linear probe per layer.

Source: Alain and Bengio, "Understanding intermediate layers using linear classifier probes", ICLR workshop 2017.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dnrlab.evaluation.intervals import mean_interval
from dnrlab.explain.affine.record import Affine

Split = tuple[Mapping[tuple[str, str], Affine], Sequence[str]]  # gamma and beta by layer and kind, and labels


def probe_table(
    train: Split, test: Split, sources: Sequence[str] | None = None, *, shuffles: int = 5, seed: int = 0
) -> pd.DataFrame:
    """Accuracy on ``test`` of logistic regressions fitted to ``train``.

    The input of a probe is gamma and beta of all channels and frame groups of one layer, or of ``all`` layers. As a
    control, the same probe is fitted to labels in ``shuffles`` random orders, drawn anew for each layer, and its hits
    are averaged.

    Args:
        sources: the sources of the test clips, see ``mean_interval``.

    Returns: columns layer, kind, labels (true, shuffled), mean, low, high, n.
    """
    rng, truth = np.random.default_rng(seed), np.asarray(test[1])
    rows = []
    for layer, kind in [*train[0], ("all", "all")]:
        chosen = list(train[0]) if layer == "all" else [(layer, kind)]
        seen, unseen = (np.concatenate([features(part[0][key]) for key in chosen], axis=1) for part in (train, test))
        mixed = [rng.permutation(np.asarray(train[1])) for _ in range(shuffles)]
        hits = {
            "true": probe(seen, train[1], unseen) == truth,
            "shuffled": np.mean([probe(seen, labels, unseen) == truth for labels in mixed], axis=0),
        }
        for name, own in hits.items():
            rows.append({"layer": layer, "kind": kind, "labels": name, **mean_interval(own, sources)._asdict()})
    return pd.DataFrame(rows)


def features(affine: Affine) -> NDArray[np.floating]:
    """All values of each clip in one row: (N, 2 C G)."""
    return np.concatenate([each.reshape(len(each), -1) for each in affine], axis=1)


def probe(seen: NDArray[np.floating], labels: ArrayLike, unseen: NDArray[np.floating]) -> NDArray[np.str_]:
    """The classes of ``unseen`` (M, F) by a logistic regression fitted to standardized ``seen`` (N, F)."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    predicted: NDArray[np.str_] = model.fit(seen, np.asarray(labels)).predict(unseen)
    return predicted

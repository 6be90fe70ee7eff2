"""Cards: JSON files with the facts of a data set that are known before its videos are read.

The cards of public sets are in ``data_manifests/``. ``dnrlab manifest build`` writes a card beside each manifest.
"""

import json
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from dnrlab.data.manifest import FLIPS, beside
from dnrlab.files import atomic_write

FOLDER = Path(__file__).parents[2] / "data_manifests"
PROTOCOL = {"num_frames": int, "clips": int, "crops": int, "sampling": str, "evaluate_on": str}
Counts = dict[str, int]  # number of videos per split


@dataclass(frozen=True, kw_only=True)
class Card:
    """Facts of a data set. None or an empty dict means: not known.

    Args:
        name: short name, as in ``dnrlab manifest build NAME``.
        title: full name.
        source: where the set comes from: address, publication.
        licence: licence of the videos.
        flip: whether training clips may be mirrored: ``none``, ``mirror`` or ``label_aware``.
        layout: how the videos are arranged on disk.
        classes: number of classes.
        counts: number of videos per split.
        counts_by_fold: ``counts`` for each fold (``"1"``, ``"2"``, …) of a set with several folds.
        counts_from: where the counts come from.
        splits_share_sources: whether clips of one source are in several official splits, as in HMDB-51.
        protocol: usual test protocol: ``num_frames``, ``clips``, ``crops``, ``sampling``, ``evaluate_on`` (a split).
        built: how a manifest was made; only in the card beside that manifest.
    """

    name: str
    title: str
    source: str
    licence: str | None
    flip: str
    layout: str
    classes: int | None = None
    counts: Counts = field(default_factory=dict)
    counts_by_fold: dict[str, Counts] = field(default_factory=dict)
    counts_from: str = ""
    splits_share_sources: bool = False
    protocol: dict[str, Any] | None = None
    built: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("name", "title", "source", "flip", "layout", "counts_from"):
            require(isinstance(getattr(self, name), str), name, "text", getattr(self, name))
        require(self.licence is None or isinstance(self.licence, str), "licence", "text or null", self.licence)
        require(self.flip in FLIPS, "flip", f"one of {', '.join(FLIPS)}", self.flip)
        require(self.classes is None or is_count(self.classes), "classes", "a count or null", self.classes)
        require(is_counts(self.counts), "counts", 'a count for each split, as {"train": 100}', self.counts)
        folds = self.counts_by_fold
        wanted = 'counts for each fold, as {"1": {"train": 100}}'
        require(isinstance(folds, dict) and all(map(is_counts, folds.values())), "counts_by_fold", wanted, folds)
        shared = self.splits_share_sources
        require(isinstance(shared, bool), "splits_share_sources", "true or false", shared)
        if self.protocol is not None:
            wanted = "null, or " + ", ".join(f"{name} ({kind.__name__})" for name, kind in PROTOCOL.items())
            known = isinstance(self.protocol, dict) and {name: type(v) for name, v in self.protocol.items()} == PROTOCOL
            require(known, "protocol", wanted, self.protocol)

    def expected(self, fold: int | None) -> Counts:
        """Number of videos per split, of one fold if the set has folds. Empty if not known."""
        return self.counts if fold is None else self.counts_by_fold.get(str(fold), {})


def require(right: bool, name: str, wanted: str, got: object) -> None:
    """Raise ValueError that names the field, unless the field is right."""
    if not right:
        raise ValueError(f"expected {name} to be {wanted}, got {got!r}; correct {name}")


def is_count(value: object) -> bool:
    """Whether a value is an integer of at least 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_counts(value: object) -> bool:
    """Whether a value is a dict of counts."""
    return isinstance(value, dict) and all(map(is_count, value.values()))


def read_card(file: str | Path) -> Card:
    """Read a card. ValueError names the file and the field that is missing, unknown or wrong."""
    text = Path(file).read_text(encoding="utf-8")
    try:
        values = json.loads(text)
        known = {each.name: each for each in fields(Card)}
        require(isinstance(values, dict), "a card", "a JSON object", text[:40])
        unknown = [name for name in values if name not in known]
        if unknown:
            raise ValueError(
                f"expected only the fields {', '.join(known)}, got {', '.join(unknown)}; remove or rename it"
            )
        needed = [name for name, each in known.items() if each.default is each.default_factory is MISSING]
        missing = [name for name in needed if name not in values]
        if missing:
            raise ValueError(f"expected the fields {', '.join(needed)}, got no {', '.join(missing)}; add it")
        return Card(**values)
    except ValueError as error:  # includes errors in the JSON
        raise ValueError(f"{file}: {error}") from error


def card_of(name: str) -> Card:
    """The card of a public set in ``data_manifests/``, by its name."""
    return read_card(FOLDER / f"{name}.card.json")


def splits_share_sources(manifest_file: Path) -> bool:
    """The field ``splits_share_sources`` of the card beside a manifest. The card may hold only a few of the fields."""
    card = beside(manifest_file, "card.json")
    facts = json.loads(card.read_text(encoding="utf-8")) if card.is_file() else {}
    return isinstance(facts, dict) and facts.get("splits_share_sources") is True


def own_card(name: str) -> Card:
    """A card for your own videos, to be filled in. No clip is mirrored until you set ``flip``."""
    layout = "CLASS/VIDEO or SPLIT/CLASS/VIDEO"
    return Card(name=name, title=name, source="own videos", licence=None, flip="none", layout=layout)


def write_card(card: Card, file: Path) -> None:
    """Write a card to a JSON file."""
    with atomic_write(file) as unfinished:
        unfinished.write_text(json.dumps(asdict(card), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

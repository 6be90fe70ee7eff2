"""Compute the tables of this folder from the stored predictions, and draw their figure.

python notebooks/results/tables.py
"""

from pathlib import Path

from dnrlab import findings
from dnrlab.experiments.variants import differences, means, read_videos
from dnrlab.figures import save_figure
from dnrlab.plots import differences_figure

FOLDER = Path(__file__).parent
NOTE = (
    "mean over pairs of runs; thick: 95 % interval over seeds or folds (Student's t); thin: over the sources of the "
    "test videos, for these trained networks (bootstrap)"
)

if __name__ == "__main__":
    videos = read_videos(FOLDER / "main.csv")
    top1, gains = means(videos), differences(videos)
    top1.to_csv(FOLDER / "means.csv", index=False)
    figure = differences_figure(gains, findings.of_relay(gains), NOTE)
    save_figure(figure, FOLDER, "differences", table=gains)
    print(top1.round(3).to_string(index=False))
    print(gains.round(3).to_string(index=False))

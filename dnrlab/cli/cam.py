"""``dnrlab cam``: Grad-CAM++ heat maps of a video."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from dnrlab.cli.output import Result
from dnrlab.data.manifest import single_video
from dnrlab.device import pick_device
from dnrlab.figures import save_figure, short_names
from dnrlab.runs.load import load_run


@dataclass(frozen=True, kw_only=True)
class Cam:
    """Draw Grad-CAM++ heat maps of one or several runs over the frames of a video."""

    runs: tyro.conf.Positional[tuple[str, ...]]  # run folders, one row of the picture per run
    video: str  # video file
    out: str  # picture to write, NAME.png; its data is written beside it
    layer: str = ""  # module whose features are weighted; '': of each run the last with maps of 6 x 6 or more
    target: str = "predicted"  # class to explain: predicted, or the name of a class
    device: str = "auto"  # auto, cpu, cuda or cuda:N
    json: bool = False  # print the result as JSON

    def run(self) -> Result:
        """Draw the picture. Returns its file and the prediction of each network."""
        from dnrlab import findings
        from dnrlab.explain.cam.heatmaps import explain_clips, figure_data
        from dnrlab.explain.cam.sharp_layer import sharp_layer
        from dnrlab.explain.clips import same_clips, view_clip
        from dnrlab.plots import CamRow, gradcam_figure

        device, out = pick_device(self.device), Path(self.out)
        if not self.runs or out.suffix != ".png":
            raise ValueError(
                f"expected run folders and a picture NAME.png to write, got runs {list(self.runs)} and out {out}; "
                "correct these"
            )
        runs = [load_run(run_dir, device) for run_dir in self.runs]
        data = same_clips(runs)
        view = view_clip(single_video(self.video, runs[0].classes), 0, data)
        layers = [self.layer or sharp_layer(run) for run in runs]
        pairs, where = zip(runs, layers, strict=True), ", ".join(dict.fromkeys(layers))
        results = [explain_clips(run, [view], layer=own, target=self.target, device=device)[0] for run, own in pairs]
        named = dict(zip(short_names(self.runs), results, strict=True))
        rows = [CamRow(name, cam.predicted, cam.score, cam.heat) for name, cam in named.items()]
        finding = f"{Path(self.video).name}: {findings.of_maps('', {row.name: row.predicted for row in rows})}"
        note = f"Grad-CAM++ at {where} for the {self.target} class; bright is evidence for it"
        figure = gradcam_figure(view.frames, rows, finding=finding, note=note, frame_indices=view.frame_indices)
        picture = save_figure(figure, out.parent, out.stem, **figure_data(view.frames, named))
        predictions = {name: {"predicted": cam.predicted, "score": cam.score} for name, cam in named.items()}
        return {"figure": str(picture), "networks": predictions}

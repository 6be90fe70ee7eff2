"""``dnrlab cam`` and ``dnrlab bench``: where networks look, and what they cost."""

import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

import pandas as pd
import tyro

from dnrlab.bench import BenchConfig, machine, measure_costs, noise
from dnrlab.cli.text import Result
from dnrlab.data.manifest import single_video
from dnrlab.notebook import pick_device
from dnrlab.runs import load_run, save_figure, short_names


@dataclass(frozen=True, kw_only=True)
class Cam:
    """Draw Grad-CAM++ of one or several runs over the frames of a video."""

    runs: tyro.conf.Positional[tuple[str, ...]]  # run folders, a row each
    video: str  # video file
    out: str  # picture to write; its numbers go beside it
    layer: str = ""  # module whose features are weighted; '' is the last stage with maps of at least 6 x 6 cells
    target: str = "predicted"  # class to explain: predicted, or a name
    device: str = "auto"  # cpu, cuda, cuda:1
    json: bool = False  # print the result as JSON

    def run(self) -> Result:
        """Draw; what each network predicted."""
        from dnrlab import findings
        from dnrlab.explain.clips import explain_clips, numbers_of, same_clips, sharp_layer, view_clip
        from dnrlab.plots import CamRow, gradcam_figure

        device, out = pick_device(self.device), Path(self.out)
        if not self.runs or out.suffix != ".png":
            raise ValueError(f"expected run folders and a picture NAME.png to write, got {list(self.runs)} and {out}")
        opened = [load_run(run_dir, device) for run_dir in self.runs]
        data = same_clips(opened)
        view = view_clip(single_video(self.video, opened[0].classes), 0, data)
        layer = self.layer or sharp_layer(data.crop_size)
        found = [explain_clips(run, [view], layer=layer, target=self.target, device=device)[0] for run in opened]
        named = dict(zip(short_names(self.runs), found, strict=True))
        rows = [CamRow(name, each.predicted, each.score, each.heat) for name, each in named.items()]
        finding = f"{Path(self.video).name}: {findings.of_maps('', {row.name: row.predicted for row in rows})}"
        note = f"Grad-CAM++ at {layer} for the {self.target} class; bright is evidence for it"
        figure = gradcam_figure(view.frames, rows, finding=finding, note=note, frame_numbers=view.numbers)
        picture = save_figure(figure, out.parent, out.stem, **numbers_of(view.frames, named))
        predictions = {name: {"predicted": each.predicted, "score": each.score} for name, each in named.items()}
        return {"figure": str(picture), "networks": predictions}


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Count and time networks without DNR and with it, in turns, beside a control that shows the machine's noise."""

    models: tyro.conf.Positional[tuple[str, ...]]  # networks, such as tsn_resnet50 tsm_resnet50
    settings: Annotated[BenchConfig, tyro.conf.OmitArgPrefixes] = field(default_factory=BenchConfig)
    device: str = "auto"  # cpu, cuda, cuda:1
    json: bool = False  # print the result as JSON

    def run(self) -> Result:
        """Measure; sizes and speeds of every network, the settings and the machine."""
        device = pick_device(self.device)
        table = measure_costs(self.models, self.settings, device=device, progress=sys.stderr.isatty()).table
        rows = [{name: value for name, value in row.items() if pd.notna(value)} for row in table.to_dict("records")]
        settings = asdict(self.settings)
        return {"networks": rows, "noise": noise(table), "settings": settings, "machine": machine(device)}

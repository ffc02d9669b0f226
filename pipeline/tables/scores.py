"""Numbers of a table, checked when they are read: measured ones from metrics.json files, reported ones of a paper."""

import math
import statistics
from collections.abc import Callable, Iterable, Sized
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UserError
from pipeline.evaluation.bootstrap import paired_difference, percentile_interval
from pipeline.files import read_json
from pipeline.printing.document import Origin
from pipeline.tables.settings import Gain, Method, Pair, TableSettings

EXPECTED = ("dataset", "scale", "camera", "images", "mean", "missing", "protocol")


@dataclass(frozen=True)
class Value:
    """A mean over test images: of one run with the bounds of its interval, of several seeds with their deviation."""

    mean: float
    origin: Origin
    std: float | None = None
    low: float | None = None
    high: float | None = None


class Scores:
    """All metrics files of a table by cell (method, setting, source, target, seed)."""

    def __init__(self, settings: TableSettings, read: Callable[[str], dict] = read_json):
        """Read and check every file. UserError names the cell whose file is missing, of another test set or changed."""
        self.settings, self.read = settings, read
        self.paths = {(c.method, c.setting, c.source, c.target, c.seed): c.metrics for c in settings.cells}
        self.files: dict[str, dict] = {}
        for method in settings.methods:
            for setting in method.settings if method.run else ():
                for pair in settings.pairs:
                    for seed in self.seeds(method):
                        self._read((method.name, setting, pair.source, pair.target, seed))

    def seeds(self, method: Method) -> tuple[int, ...]:
        """Seeds of a method's runs; a method without training has one."""
        return self.settings.seeds if method.trained else self.settings.seeds[:1]

    def method(self, name: str) -> Method:
        return next(method for method in self.settings.methods if method.name == name)

    def file(self, method: str, setting: str, pair: Pair, seed: int) -> dict:
        """The metrics file of one run on the pair's target; only of cells that are not `absent`."""
        return self.files[self.paths[method, setting, pair.source, pair.target, seed]]

    def absent(self, method: Method, setting: str, pair: Pair) -> bool:
        """Whether a cell cannot be computed because its settings say that a camera is not available."""
        return any(
            self.paths[method.name, setting, pair.source, pair.target, seed] is None for seed in self.seeds(method)
        )

    def missing(self, metric: str) -> dict[str, str]:
        """Path -> reason of every file that could not measure the metric."""
        return {path: file["missing"][metric] for path, file in self.files.items() if metric in file["missing"]}

    def value(self, method: Method, setting: str, pair: Pair, metric: str) -> Value | None:
        """Mean over images and, for several seeds, over seeds; None when not measured."""
        if self.absent(method, setting, pair):
            return None
        seeds = self.seeds(method)
        files = [self.file(method.name, setting, pair, seed) for seed in seeds]
        if any(metric in file["missing"] for file in files):
            return None
        means = [file["mean"][metric] for file in files]
        paths = [self.paths[method.name, setting, pair.source, pair.target, seed] for seed in seeds]
        fields = tuple((path, f"mean.{metric}") for path in paths)
        if len(means) > 1:
            return Value(statistics.fmean(means), Origin(over_seeds(seeds), fields), statistics.stdev(means))
        low, high = self.interval(paths[0], metric)
        return Value(means[0], Origin("mean over the test images", fields), None, low, high)

    def interval(self, path: str, metric: str) -> tuple[float, float]:
        """Bounds of a mean of a metrics file, resampled over its images; only of a metric that it measured."""
        draw, images = self.settings.bootstrap, self.files[path]["images"]
        values = [images[name][metric] for name in sorted(images)]
        return percentile_interval(values, draw.samples, draw.seed, draw.level)

    def gains(self, setting: str, pair: Pair, metric: str) -> dict[int, Value] | None:
        """Seed -> gain over the same images (positive: the value went up), resampled as pairs; None if not measured."""
        gain, bootstrap = self.settings.gain, self.settings.bootstrap
        first, over = self.method(gain.method), self.method(gain.over)
        if self.absent(first, setting, pair) or self.absent(over, setting, pair):
            return None
        result = {}
        for seed in self.seeds(first):
            places = [(first.name, seed), (over.name, seed if over.trained else self.seeds(over)[0])]
            paths = [self.paths[name, setting, pair.source, pair.target, number] for name, number in places]
            files = [self.files[path] for path in paths]
            if any(metric in file["missing"] for file in files):
                return None
            values = [{name: image[metric] for name, image in file["images"].items()} for file in files]
            mean, low, high = paired_difference(*values, bootstrap.samples, bootstrap.seed, bootstrap.level)
            origin = Origin(
                "mean difference over the same images", tuple((path, f"images.*.{metric}") for path in paths)
            )
            result[seed] = Value(mean, origin, None, low, high)
        return result

    def gain(self, setting: str, pair: Pair, metric: str) -> Value | None:
        """The gain of one seed with its interval, or mean and deviation over several; None when not measured."""
        per_seed = self.gains(setting, pair, metric)
        if per_seed is None:
            return None
        means = [value.mean for value in per_seed.values()]
        if len(means) == 1:
            return next(iter(per_seed.values()))
        fields = tuple(field for value in per_seed.values() for field in value.origin.fields)
        how = f"mean difference over the same images, {over_seeds(per_seed)}"
        return Value(statistics.fmean(means), Origin(how, fields), statistics.stdev(means))

    def _read(self, cell: tuple) -> None:
        method, setting, source, target, seed = cell
        place = f"table {self.settings.name}: {method}, setting {setting}, {source} → {target}, seed {seed}"
        if cell not in self.paths:
            raise UserError(f"{place}: no metrics file is named for this cell. Add it to the cells of the table.")
        path = self.paths[cell]
        if path is None:
            return
        if path not in self.files:
            try:
                self.files[path] = self.read(path)
            except UserError as error:
                raise UserError(f"{place}: {error}") from error
        _check(self.files[path], path, place, self.settings, target)


def over_seeds(seeds: Sized) -> str:
    """Text: how a number was computed from several runs."""
    return f"mean and deviation over {len(seeds)} seeds"


def _check(file: dict, path: str, place: str, settings: TableSettings, target: str) -> None:
    """UserError when a metrics file is of another test set, lacks a metric, or its mean is not that of its images."""
    absent = [key for key in EXPECTED if key not in file]
    if absent:
        raise UserError(f"{place}: {path} has no {', '.join(absent)}; it is not a metrics file. Evaluate again.")
    expected = {"dataset": settings.dataset, "scale": settings.scale, "camera": target}
    for key, value in expected.items():
        if file[key] != value:
            raise UserError(f"{place}: {path} is of {key} {file[key]!r}, expected {value!r}. Evaluate again.")
    for metric in settings.metrics:
        if metric.name in file["missing"]:
            continue
        if metric.name not in file["mean"]:
            raise UserError(
                f"{place}: {path} holds neither {metric.name} nor a reason why it is missing. Evaluate again."
            )
        mean = statistics.fmean(image[metric.name] for image in file["images"].values())
        if not math.isclose(mean, file["mean"][metric.name], rel_tol=1e-6, abs_tol=1e-9):
            raise UserError(
                f"{place}: {path} says mean {metric.name} {file['mean'][metric.name]}, its images say {mean}. "
                "The file was changed by hand; evaluate again."
            )


class Reported:
    """A paper's printed numbers."""

    def __init__(self, path: Path):
        import yaml

        try:
            self.content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, yaml.YAMLError) as error:
            raise UserError(
                f"{path}: reported numbers could not be read ({error}). Restore the file with git."
            ) from error
        self.path = str(path)

    def value(self, method: str, setting: str, pair: Pair, metric: str) -> float | None:
        """The printed number, or None where the paper prints none."""
        cells = self.content["results"].get(setting, {}).get(method, {})
        cell = cells.get(f"{pair.source}-{pair.target}") or self._ablated(method, setting, pair)
        return cell.get(metric)

    def _ablated(self, method: str, setting: str, pair: Pair) -> dict:
        """Row of the paper's ablation that corresponds to a method of ours; empty if there is none."""
        block = self.content.get("ablation", {})
        parts = block.get("methods", {}).get(method)
        if parts is None or (setting, pair.source, pair.target) != (block["setting"], block["source"], block["target"]):
            return {}
        return next(row for row in block["rows"] if all(row[part] == used for part, used in parts.items()))

    def gain(self, gain: Gain, setting: str, pair: Pair, metric: str) -> float | None:
        """Difference of two printed numbers."""
        first, over = (self.value(name, setting, pair, metric) for name in (gain.method, gain.over))
        return None if first is None or over is None else round(first - over, 6)

    def origin(self, how: str, methods: Iterable[str], setting: str, pair: Pair, metric: str) -> Origin:
        """Origin of the printed numbers of methods."""
        cell = f"{pair.source}-{pair.target}.{metric}"
        return Origin(how, tuple((self.path, f"results.{setting}.{name}.{cell}") for name in methods))

"""Notes under a table, derived from what was measured; notes of the settings come last."""

from pipeline.tables.scores import Reported, Scores
from pipeline.tables.settings import Metric


def comparison(
    scores: Scores, metrics: list[Metric], beside: Reported | None, reported: Reported | None
) -> tuple[str, ...]:
    """Notes of a comparison; `beside`: reported levels are shown beside ours, `reported`: reported gains are."""
    settings = scores.settings
    lines = []
    if settings.simulated:
        line = "Simulated cameras: every number of ours was measured on simulated cameras"
        lines.append(line + (", so only the paper's gains are shown, not its levels." if reported else "."))
    marks = "Bold: best, underlined: second best of a column, at printed precision, ties included."
    unranked = [method.label for method in settings.methods if not method.ranked]
    lines.append(marks + (f" {', '.join(unranked)}: not ranked (trained with the target’s HR)." if unranked else ""))
    if beside:
        parts = [f"{settings.tolerance[m.name]:g} {m.unit}".strip() + f" ({m.label})" for m in metrics]
        line = f"✓: reproduced, ours within {', '.join(parts)} of the reported number; ×: not reproduced"
        no_run = any(not method.run for method in settings.methods)
        lines.append(line + ("; †: no run, not trained here." if no_run else "."))
    lines.append(trust(scores))
    if reported:
        paper = reported.content
        origin = f"{paper['short']}, {paper['source']['where']['results']}"
        lines.append(f"Reported: {origin}; {paper['dataset_label']}, ×{paper['scale']}, one run per cell.")
    return (*lines, *protocols(scores, metrics), *settings.notes)


def trust(scores: Scores) -> str:
    """Sentence on the number of runs and test images, and on the meaning of deviation or interval."""
    settings = scores.settings
    counts = {file["camera"]: len(file["images"]) for file in scores.files.values()}
    labels = {camera.name: camera.label for camera in settings.cameras}
    images = ", ".join(f"{counts[name]} ({label})" for name, label in labels.items() if name in counts)
    if len(set(counts.values())) == 1:
        images = f"{next(iter(counts.values()))} per camera"
    line = f"Means over the test images, {images}; "
    if len(settings.seeds) > 1:
        return line + f"mean and standard deviation (±) over training seeds {', '.join(map(str, settings.seeds))}."
    line += f"one run per cell, seed {settings.seeds[0]}"
    if settings.gain:
        line += f"; intervals: {settings.bootstrap.level * 100:g} % bootstrap over the images, paired between methods"
    return line + "."


def protocols(scores: Scores, metrics: list[Metric]) -> list[str]:
    """The protocol of every metric in the table, and why a metric could not be measured."""
    lines = []
    for metric in scores.settings.metrics:
        if metric in metrics:
            protocol = _joined({file["protocol"][metric.name] for file in scores.files.values()})
            lines.append(protocol if protocol.startswith(metric.label) else f"{metric.label}: {protocol}")
        reasons = scores.missing(metric.name)
        if reasons:
            what = f"–: {metric.label}" if metric in metrics else f"No {metric.label} column:"
            lines.append(f"{what} {_joined(set(reasons.values()))}")
    return lines


def _joined(parts: set[str]) -> str:
    return "; ".join(sorted(part.rstrip(".") for part in parts)) + "."

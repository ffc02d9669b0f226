"""What trainings have seen, computed from what they are given: the source of every sentence about it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.plan import runs


@dataclass
class Seen:
    """What a set of runs was given, by the names of the stages that were given it ("DADA adapt")."""

    test_images: list[str] = field(default_factory=list)
    validation_images: list[str] = field(default_factory=list)
    target_hr: list[str] = field(default_factory=list)
    selections: dict[str, list[str]] = field(default_factory=dict)

    def sentences(self) -> str:
        """What a reader of a table must know: how checkpoints were chosen, and what no training saw."""
        test = _none_or_named("training", "a test image", self.test_images)
        if not (self.test_images or self.target_hr):
            return f"{self._selection()} No training is given a test image, no adaptation the HR of its target camera."
        hr = _none_or_named("adaptation", "the HR of its target camera", self.target_hr)
        return f"{self._selection()} {test} {hr}"

    def _selection(self) -> str:
        if list(self.selections) == ["last"]:
            return "Checkpoint: always the last."
        return f"Checkpoint: {'; '.join(f'{rule} ({_joined(users)})' for rule, users in self.selections.items())}."


def seen(params: dict, trainings: Iterable[dict[str, str]]) -> Seen:
    """What these runs were given; give it all runs that a result rests on (`cells.training_runs`)."""
    result = Seen()
    for run in trainings:
        _, target = runs.source_target(run["cameras"])
        block = runs.stage_block(params, run["method"], run["stage"])
        name = f"{params['methods'][run['method']]['label']} {run['stage']}"
        given = runs.images_read(params, run).values()
        for users, is_seen in (
            (result.test_images, any(split == "test" for _, split, _ in given)),
            (result.validation_images, any(split == "val" for _, split, _ in given)),
            (result.target_hr, any((camera, image) == (target, "hr") for camera, _, image in given)),
            (result.selections.setdefault(block["selection"], []), True),
        ):
            if is_seen and name not in users:
                users.append(name)
    return result


def _none_or_named(what: str, image: str, users: list[str]) -> str:
    return f"Given {image}: {_joined(users)}." if users else f"No {what} is given {image}."


def _joined(names: list[str]) -> str:
    return ", ".join(names)

"""Settings that only training code understands are checked before any job: what is misspelt is named with its place."""

import copy
import json
import re
import subprocess
import sys

import pytest

from pipeline import models
from pipeline.plan import params
from pipeline.training import check

SHIPPED = params.load()
STAGE = {
    "place": "methods.dada.stages.adapt, edition small",
    "method": "dada",
    "stage": "adapt",
    "loss": SHIPPED["methods"]["dada"]["stages"]["adapt"]["loss"]["code"],
    "schedule": SHIPPED["methods"]["dada"]["stages"]["adapt"]["schedule"]["small"],
    "networks": {role: SHIPPED["editions"]["small"]["networks"][role] for role in ("generator", "discriminator")},
    "scale": 4,
}
RECIPE = SHIPPED["datasets"]["simcam"]["cameras"]["sony"]["recipes"]


def shipped() -> dict:
    """Every stage of every method in every edition at every scale, every network, metric and recipe of params.yaml."""
    stages = [
        {
            **{"place": f"{name}/{stage}, {edition}", "method": block.get("module", name), "stage": stage},
            **{"loss": loss, "schedule": schedule, "scale": scale},
            "networks": {role: SHIPPED["editions"][edition]["networks"][role] for role in part["networks"]},
        }
        for name, block in SHIPPED["methods"].items()
        for stage, part in block.get("stages", {}).items()
        for loss in part["loss"].values()
        for edition, schedule in part["schedule"].items()
        for scale in (2, 3, 4)
    ]
    return {
        "stages": stages,
        "networks": [{"place": "bicubic", "spec": {"name": "bicubic", "scale": 4}}],
        "metrics": [{"place": name, "name": name} for name in SHIPPED["metrics"]],
        "recipes": [{"place": scale, "module": "simcam", "recipe": recipe} for scale, recipe in RECIPE.items()],
    }


def changed(*place: str, **changes) -> dict:
    entry = copy.deepcopy(STAGE)
    inner = entry
    for name in place:
        inner = inner[name]
    inner |= changes
    return {"stages": [entry]}


def test_the_shipped_settings_have_no_problem():
    assert check.problems(shipped()) == []


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (changed("loss", adversarial_wieght=1), "edition small: loss.adversarial_wieght: unknown setting"),
        (changed("loss", perceptual_layer=5), "loss.perceptual_layer"),
        (changed("schedule", step=5), "edition small: schedule.step: unknown setting"),
        (changed("networks", "generator", widht=16), "edition small, network generator: .*unexpected.*'widht'"),
        (changed("networks", "discriminator", widht=16), "edition small, network discriminator: .*'widht'"),
        (changed("networks", "generator", width=-16), "network 'cdc': width is -16"),
        (
            {"networks": [{"place": "down", "spec": {"name": "de_resnet", "scale": 4, "width": -16, "blocks": 2}}]},
            "^down: network 'de_resnet': cannot be built with .*-16",
        ),
        (changed("networks", "generator", name="cdk"), "network 'cdk': there is no"),
        (changed(scale=7), "scale"),
        (changed(stage="adopt"), "has no stage 'adopt'; it has"),
        (changed(method="dad"), "cannot import pipeline/methods/dad.py"),
        ({"networks": [{"place": "methods.bicubic", "spec": {"name": "bicubic", "scale": 0}}]}, "methods.bicubic: .*0"),
        ({"metrics": [{"place": "metrics", "name": "psnr_z"}]}, "^metrics: metric 'psnr_z' does not exist.*psnr_y"),
        (
            {"recipes": [{"place": "sony.4", "module": "simcam", "recipe": {**RECIPE[4], "shapren": 1}}]},
            "^sony.4: .*shapren.*expected exactly",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(asked, said):
    lines = check.problems(asked)
    assert len(lines) == 1
    assert re.search(said, lines[0]), lines[0]


def test_the_same_mistake_is_named_at_every_place():
    entries = [{"place": place, "name": "psnr_z"} for place in ("editions.small", "editions.lab")]
    assert [line.partition(":")[0] for line in check.problems({"metrics": entries})] == [
        "editions.small",
        "editions.lab",
    ]


def test_the_command_prints_a_line_per_problem():
    asked = changed("loss", adversarial_wieght=1) | {"metrics": [{"place": "metrics", "name": "psnr_z"}]}
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.training.check"], input=json.dumps(asked), capture_output=True, text=True
    )
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 2
    assert "adversarial_wieght" in done.stdout and "psnr_z" in done.stdout


def test_nothing_slow_is_imported():
    """The compiler of torch takes seconds, and is not needed to learn that a name is misspelt."""
    code = "import json, sys; from pipeline.training import check; check.problems(json.load(sys.stdin)); "
    code += "print({'torch._dynamo', 'sympy', 'lpips', 'torchvision'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], input=json.dumps(shipped()), capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr


@pytest.mark.parametrize("edition", SHIPPED["editions"])
def test_a_network_is_given_a_scale_if_it_is_built_for_one(edition):
    """The specifications that are stored in files stay what they were when the role's name decided."""
    for role, spec in SHIPPED["editions"][edition]["networks"].items():
        expected = spec if role.endswith("discriminator") else {**spec, "scale": 4}
        assert models.scaled(spec, 4) == expected
    assert models.scaled({"name": "bicubic"}, 2) == {"name": "bicubic", "scale": 2}

"""Settings that only training code understands are checked before any job: what is misspelt is named with its place."""

import copy
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import models
from pipeline.errors import UserError
from pipeline.plan import params, settings_files
from pipeline.plan.nodes import plain
from pipeline.training import check
from pipeline.workflow import early_check

SHIPPED = params.load()
ADAPT = SHIPPED["methods"]["dada"]["stages"]["adapt"]
LOSS, SCHEDULE = ADAPT["loss"]["code"], ADAPT["schedule"]["small"]
NETWORKS = SHIPPED["editions"]["small"]["networks"]
RECIPE = SHIPPED["datasets"]["simcam"]["cameras"]["sony"]["recipes"]


def loss(method="dada", stage="adapt", **changes) -> dict:
    return {"losses": [{"place": "the.loss", "method": method, "stage": stage, "loss": LOSS | changes}]}


def schedule(**changes) -> dict:
    place = {"place": "the.schedule", "method": "dada", "stage": "adapt"}
    return {"schedules": [{**place, "schedule": SCHEDULE | changes}]}


def network(role="generator", scale=4, **changes) -> dict:
    return {"networks": [{"place": "the.network", "spec": NETWORKS[role] | changes, "scale": scale}]}


def test_the_shipped_settings_have_no_problem():
    asked = early_check.questions(SHIPPED)
    assert check.problems(asked) == [] and all(len(asked[name]) > 10 for name in ("losses", "schedules", "networks"))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (loss(adversarial_wieght=1), "^the.loss: loss.adversarial_wieght: unknown setting"),
        (loss(perceptual_layer=5), "^the.loss: loss.perceptual_layer"),
        (schedule(step=5), "^the.schedule: schedule.step: unknown setting"),
        (network(widht=16), "^the.network: .*unexpected.*'widht'"),
        (network("discriminator", widht=16), "^the.network: .*'widht'"),
        (network(width=-16), "network 'cdc': width is -16"),
        (network("downsampler", width=-16), "^the.network: network 'de_resnet': cannot be built with .*-16"),
        (network(name="cdk"), "network 'cdk': there is no"),
        (network(scale=7), "scale"),
        (loss(stage="adopt"), "has no stage 'adopt'; it has"),
        (loss(method="dad"), "cannot import pipeline/methods/dad.py"),
        ({"networks": [{"place": "bicubic", "spec": {"name": "bicubic"}, "scale": 0}]}, "^bicubic: .*0"),
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
    asked = loss(adversarial_wieght=1) | {"metrics": [{"place": "metrics", "name": "psnr_z"}]}
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.training.check"], input=json.dumps(asked), capture_output=True, text=True
    )
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 2
    assert "adversarial_wieght" in done.stdout and "psnr_z" in done.stdout


def test_nothing_slow_is_imported():
    """The compiler of torch takes seconds, and is not needed to learn that a name is misspelt."""
    code = "import json, sys; from pipeline.training import check; check.problems(json.load(sys.stdin)); "
    code += "print({'torch._dynamo', 'sympy', 'lpips', 'torchvision'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(early_check.questions(SHIPPED)), capture_output=True, text=True
    )
    assert done.stdout.strip() == "set()", done.stderr


@pytest.mark.parametrize("edition", SHIPPED["editions"])
def test_a_network_is_given_a_scale_if_it_is_built_for_one(edition):
    """The specifications that are stored in files stay what they were when the role's name decided."""
    for role, spec in SHIPPED["editions"][edition]["networks"].items():
        expected = spec if role.endswith("discriminator") else {**spec, "scale": 4}
        assert models.scaled(spec, 4) == expected
    assert models.scaled({"name": "bicubic"}, 2) == {"name": "bicubic", "scale": 2}


# File, what it says, what it says wrongly, what stands in the line that is named, what is said.
MISSPELT = [
    (
        "params/dada.yaml",
        "adversarial_weight: 0.005",
        "adversarial_wieght: 0.005",
        None,
        "adversarial_wieght: unknown setting",
    ),
    ("params.yaml", "width: 16, hourglasses", "widht: 16, hourglasses", None, "'widht'"),
    ("params/domains.yaml", "sharpen: 0.2", "shapren: 0.2", "          4:", "shapren"),
    ("params.yaml", "  psnr_y: {label", "  psnr_z: {label", None, "metric 'psnr_z' does not exist"),
]


@pytest.mark.parametrize(("file", "old", "new", "named", "said"), MISSPELT)
def test_a_dry_run_names_file_and_line_and_the_next_one_is_quick(tmp_path, file, old, new, named, said):
    """As a user meets it: Snakemake refuses before the first job, and asks again only after a change."""
    for path in ("params.yaml", "params"):
        (shutil.copytree if Path(path).is_dir() else shutil.copy)(path, tmp_path / path)
    text = (tmp_path / file).read_text()
    line = text[: text.index(named or old)].count("\n") + 1
    (tmp_path / file).write_text(text.replace(old, new, 1))
    settings = settings_files.read(tmp_path / "params.yaml")
    asked = early_check.EarlyCheck(plain(settings))
    with pytest.raises(UserError) as error:
        asked.finish(lambda: settings)
    first = str(error.value).splitlines()[0]
    assert f"{file}, line {line}: " in first and said in first


def test_settings_that_were_checked_are_not_checked_again(tmp_path, monkeypatch):
    monkeypatch.setattr(early_check, "CHECKED", tmp_path / "checked")
    early_check.EarlyCheck(SHIPPED).finish(lambda: None)
    assert early_check.EarlyCheck(SHIPPED).process is None
    other = copy.deepcopy(SHIPPED)
    other["methods"]["dada"]["stages"]["adapt"]["schedule"]["small"]["steps"] += 1
    again = early_check.EarlyCheck(other)
    assert again.process is not None
    again.finish(lambda: None)

"""Several small trainings on one GPU: an option of the profile, for sites that share their GPUs (gres/shard, gres/mps)."""

import re

import pytest

from tests.slurm.calls import IMPATIENT, TRAINING, Call, accounted, jobs, until

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(900)]
TRAIN = "rule_train_source_only_train"
OPTION = "set-resources:\n  train_source_only_train:\n    gpu: 0\n    gres: shard:1\n"


def test_two_trainings_share_a_gpu_and_stay_jobs_of_their_own(site, whole, copied):
    workspace = copied(whole)
    profile = workspace.folder / "slurm/config.yaml"
    commented = re.sub(r"^(?=.)", "# ", OPTION, flags=re.MULTILINE).splitlines()
    assert set(commented) <= set(profile.read_text().splitlines()), "the profile tells how"
    profile.write_text(f"{profile.read_text()}\n{OPTION}")
    workspace.change(lambda params: params["editions"]["small"]["resources"]["train"].update(gpu=1))
    call = Call(workspace, *IMPATIENT, TRAINING, TRAINING.replace("panasonic", "sony"))

    def both() -> list[str]:
        found = [job.number for job in jobs(site, workspace, TRAIN) if job.state == "RUNNING"]
        return found if len(found) == 2 else []

    numbers = until(both, "both trainings run at the same time")
    call.ends()
    for number in numbers:
        node, tres, state = accounted(site, number, "NodeList", "AllocTRES", "State")
        # This node has one GPU.
        assert (node, state) == ("gpu1", "COMPLETED") and "gres/shard=1" in tres and "gres/gpu" not in tres

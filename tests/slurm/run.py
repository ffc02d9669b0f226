"""`make test-slurm`: the tests of this folder against a real SLURM, which is started before and taken down after.

`python -m tests.slurm.run [pytest arguments]`. Debian's packages are installed where they are missing and this may be
done. Where SLURM cannot run, the reason is printed and the exit code is 0, in CI 1: there nothing may be left out.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.slurm import cluster

PACKAGES = ("slurmctld", "slurmd", "slurm-client", "slurmdbd", "slurm-wlm-mysql-plugin", "mariadb-server", "munge")


def lacking() -> str | None:
    """Why SLURM cannot run here, None when it can."""
    if sys.platform != "linux":
        return f"SLURM is for Linux, this is {sys.platform}"
    if not (tools := cluster.missing()):
        return None
    apt, root = shutil.which("apt-get"), os.geteuid() == 0
    if not apt or not (root or shutil.which("sudo")):
        return f"{', '.join(tools)} not installed, and packages can only be installed with apt-get, as root or by sudo"
    print(f"installing {' '.join(PACKAGES)} ...", flush=True)
    become = [] if root else ["sudo", "-n"]
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive", apt, "install", "-qq", "-y", "--no-install-recommends", *PACKAGES]
    for words in ([apt, "update", "-qq"], quiet):
        done = subprocess.run([*become, *words], capture_output=True, text=True)
        if done.returncode:
            return f"{' '.join(words)}: {done.stderr.strip()[-300:]}"
    return f"{', '.join(tools)}: still not there after the installation" if (tools := cluster.missing()) else None


def main(words: list[str]) -> int:
    """Exit code of pytest."""
    if reason := lacking():
        print(f"test-slurm: SKIPPED, nothing was tested: {reason}")
        return int(os.environ.get("CI") == "true")
    # So that the cluster is taken down, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder, code = Path(tempfile.mkdtemp(prefix="slurm-")), 1
    site = cluster.Cluster(folder)
    try:
        site.up()
        print(f"{site.say('sinfo', '--version').strip()} is up on {', '.join(site.nodes())}", flush=True)
        options = ["-m", "slurm", "--override-ini=addopts=-q --strict-markers", f"--basetemp={folder / 'tests'}"]
        environment = {**site.environment, "SLURM_TEST_FOLDER": str(folder)}
        done = subprocess.run([sys.executable, "-m", "pytest", *options, *words], cwd=cluster.ROOT, env=environment)
        code = done.returncode
    finally:
        cluster.sweep()
        if code:
            print(f"kept: {folder}, with the logs of SLURM and, below tests, the folders of the tests")
        else:
            shutil.rmtree(folder)
    left = cluster.marked()
    print(f"the cluster is down{f', but processes are left: {left}' if left else ''}")
    return code or int(bool(left))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

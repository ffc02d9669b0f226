"""A job from its command line to its receipt, and what is left when it fails, in processes of their own."""

import hashlib
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.files import canonical_json
from pipeline.provenance import environment, fingerprint, job

SOURCES = Path(__file__).parents[2] / "pipeline"
PROVENANCE = ("environment", "fingerprint", "job")
WORK = """
import importlib
import time
from pathlib import Path

from pipeline.errors import UserError
from pipeline.files import write_text
from pipeline.provenance.job import run


def work(job):
    settings = job.settings
    write_text(job.outputs["first"], job.input("text").read_text() * settings["times"])
    if settings.get("wait"):
        job.outputs["second"].with_name(".2.txt.1.tmp").write_text("part")
        Path("started").touch()
        time.sleep(settings.get("seconds", 30))
    if settings.get("raise"):
        raise UserError("the second is wrong")
    if settings.get("import"):
        importlib.import_module("pipeline.extra")
    if settings.get("change"):
        Path(settings["change"]).write_text("A = 2\\n")
    if not settings.get("forget"):
        write_text(job.outputs["second"], str(job.folders.get("raw")))
    return {"steps": 3, "rate": float("nan"), "host": "mine"}


def tidy(job):
    Path("tidied").write_text(str(Path("out/a b.txt.receipt.json").exists()))


if __name__ == "__main__":
    run(work, tidy)
"""


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A repository with one module of work."""
    package = tmp_path / "pipeline"
    package.mkdir()
    (package / "provenance").mkdir()
    for name in ("", "provenance/"):
        shutil.copy(SOURCES / f"{name}__init__.py", package / name)
    for name in ("errors", "files", "exclusive", *(f"provenance/{name}" for name in PROVENANCE)):
        shutil.copy(SOURCES / f"{name}.py", package / f"{name}.py")
    (package / "work.py").write_text(WORK)
    (package / "extra.py").write_text("A = 1\n")
    (tmp_path / "in.txt").write_text("ab")
    (tmp_path / "requirements.lock").write_text(f"pytest=={pytest.__version__}\n    # via project (pyproject.toml)\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def key(place: Path, modules: tuple[str, ...] = ("pipeline.work",), **settings) -> dict:
    sha256 = fingerprint.digest(fingerprint.closure(modules, place / "pipeline"))
    return {
        "kind": "work",
        "wildcards": {"seed": "0"},
        "settings": {"times": 2} | settings,
        "code": {"modules": list(modules), "sha256": sha256},
        "packages": {"names": ["pytest"], "sha256": environment.packages_hash(place / "requirements.lock", ["pytest"])},
        "files": {"inputs": {}, "outputs": {}},
        "shell": "s",
    }


def line(given: dict, /, **changes: str) -> list[str]:
    words = {"input": "text=in.txt", "output": "first=out/a b.txt", "receipt": "out/a b.txt.receipt.json"}
    words = {"key": canonical_json(given)} | words | changes
    words = [word for name, value in words.items() for word in (f"--{name}", value)]
    return [sys.executable, "-m", "pipeline.work", "--output", "second=out/2.txt", *words]


def start(given: dict, /, **changes: str) -> subprocess.CompletedProcess:
    return subprocess.run(line(given, **changes), capture_output=True, text=True)


def left(place: Path) -> set[str]:
    return {path.name for path in (place / "out").glob("*")}


ALL = {"a b.txt", "2.txt", "a b.txt.receipt.json"}


def test_receipt(place):
    given = key(place)
    done = start(given, folder="raw=/elsewhere/photos", option='pace={"every": 2}')
    assert done.returncode == 0, done.stderr
    assert left(place) == ALL
    receipt = json.loads((place / "out/a b.txt.receipt.json").read_text())
    assert receipt["seal"] == job.seal(receipt)
    run = receipt.pop("run")
    assert receipt.pop("seal") and receipt == {
        "key": given,
        "inputs": {"in.txt": hashlib.sha256(b"ab").hexdigest()},
        "outputs": {
            "out/a b.txt": {
                "sha256": hashlib.sha256(b"abab").hexdigest(),
                "md5": hashlib.md5(b"abab").hexdigest(),
                "size": 4,
            },
            "out/2.txt": {
                "sha256": hashlib.sha256(b"/elsewhere/photos").hexdigest(),
                "md5": hashlib.md5(b"/elsewhere/photos").hexdigest(),
                "size": 17,
            },
        },
    }
    assert run["steps"] == 3 and run["rate"] == "NaN", "what work returns; JSON has no NaN"
    assert run["host"] != "mine", "a job cannot say where it ran"
    assert run["options"] == {"pace": {"every": 2}}, "told, but no part of the key"
    assert run["packages"] == {"pytest": pytest.__version__} and run["folders"] == {"raw": "/elsewhere/photos"}
    assert (
        run["seconds"] >= 0 and run["peak_memory_mb"] > 5 and run["started"].endswith("+00:00") and run["gpu"] is None
    )
    assert {"pipeline.work", "pipeline.provenance.job", "pipeline"} <= set(run["modules"])


@pytest.mark.parametrize(
    ("lock", "message"),
    [
        (
            "pytest==1.2.3",
            f"installed versions are not those of requirements.lock: pytest {pytest.__version__} for 1.2.3",
        ),
        (f"pytest=={pytest.__version__}", None),
        ("pytest==1.2.3 ; python_full_version < '3.9'", None),
    ],
)
def test_installed_versions(place, lock, message):
    (place / "requirements.lock").write_text(f"{lock}\n    # via project (pyproject.toml)\n")
    done = start(key(place))
    assert (done.returncode == 0) == (message is None), done.stderr
    assert (message or "") in done.stderr and (message is None or left(place) == set())


def test_a_door_may_ask_for_any_versions(place):
    (place / "requirements.lock").write_text("pytest==1.2.3\n    # via project (pyproject.toml)\n")
    done = subprocess.run([*line(key(place)), "--any-versions"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    receipt = json.loads((place / "out/a b.txt.receipt.json").read_text())
    assert receipt["run"]["packages"] == {"pytest": pytest.__version__}


def test_lock_changed_since_the_plan(place):
    given = key(place)
    (place / "requirements.lock").write_text("pytest==1.2.3\n    # via project (pyproject.toml)\n")
    done = start(given)
    assert done.returncode == 1 and "requirements.lock changed since the plan was made" in done.stderr
    assert left(place) == set()


def test_first_line_runs_it_again(place):
    first = start(key(place), input="text=in.txt").stdout.splitlines()[0]
    before = (place / "out/a b.txt").read_bytes()
    shutil.rmtree(place / "out")
    assert subprocess.run(["bash", "-c", first]).returncode == 0
    assert left(place) == ALL and (place / "out/a b.txt").read_bytes() == before


def test_command_is_what_run_reads(place):
    given = canonical_json(key(place, note="it's {a} $b"))
    words = job.words(
        "pipeline.work",
        given,
        {"text": "in.txt", "many": ["a.txt", "b c.txt"]},
        {"first": "1.txt", "second": "2.txt"},
        "1.txt.receipt.json",
        {"raw": "/else where"},
        {"pace": {"every": 2}, "note": "it's a=b"},
    )
    read_key, read, receipt = job.parse(words[3:], words[2])
    assert canonical_json(read_key) == given and words[1:3] == ["-m", "pipeline.work"]
    assert read.inputs == {"text": [Path("in.txt")], "many": [Path("a.txt"), Path("b c.txt")]}
    assert read.outputs == {"first": Path("1.txt"), "second": Path("2.txt")} and receipt == Path("1.txt.receipt.json")
    assert read.folders == {"raw": Path("/else where")} and read.input("text") == Path("in.txt")
    assert read.options == {"pace": {"every": 2}, "note": "it's a=b"} and read.option("pace") == {"every": 2}
    with pytest.raises(UserError, match=r"--option other=.*needs it"):
        read.option("other")
    assert read.key_sha256 == hashlib.sha256(given.encode()).hexdigest() and read.settings["note"] == "it's {a} $b"
    for name, count in (("many", 2), ("none", 0)):
        with pytest.raises(UserError, match=f"--input {name}=.*exactly one, got {count}"):
            read.input(name)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"raise": True}, "error: the second is wrong"),
        ({"forget": True}, "out/2.txt: the job ended without writing its output 'second'"),
        ({"import": True}, "the job used pipeline.extra, which the code in its key does not cover"),
        ({"change": "pipeline/files.py"}, "the job's code changed while it ran: pipeline.work or"),
        ({"change": "in.txt"}, "in.txt: changed while the job read it"),
    ],
)
@pytest.mark.parametrize("earlier", [False, True])
def test_failure_leaves_nothing_of_this_attempt(place, settings, message, earlier):
    if earlier:
        assert start(key(place)).returncode == 0
    done = start(key(place, **settings))
    assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr
    untouched = earlier and ("raise" in settings or "forget" in settings)
    assert left(place) == ({"2.txt"} if untouched else set())


@pytest.mark.parametrize(
    ("modules", "code", "message"),
    [
        (("pipeline.work",), "A = 2\n", ""),
        (
            ("pipeline.work", "pipeline.extra"),
            "A = 2\n",
            "the job's code changed since the plan was made: pipeline.work, ",
        ),
        (("pipeline.work", "pipeline.extra"), "# why\nA = 1\n", ""),
        (("pipeline.extra",), "A = 1\n", "its code does not cover pipeline.work itself"),
    ],
)
def test_code_is_checked_before(place, modules, code, message):
    given = key(place, modules)
    (place / "pipeline/extra.py").write_text(code)
    done = start(given)
    assert (done.returncode, message in done.stderr) == (int(bool(message)), True)
    assert left(place) == (set() if message else ALL)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_stopped(place, number, code):
    assert start(key(place)).returncode == 0
    (place / "out/.2.txt.77.tmp").write_text("of a killed process")
    process = subprocess.Popen(line(key(place, wait=True, times=3)), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    while not (place / "started").exists():
        time.sleep(0.02)
    process.send_signal(number)
    told = process.communicate(timeout=10)[1]
    assert process.returncode == code and b"Traceback" not in told
    assert {path.name for path in (place / "out").iterdir()} == {"2.txt"}, "only what an earlier run left whole"


@pytest.mark.parametrize(("times", "told"), [(2, "the other process finished this job"), (3, "")])
def test_a_second_process_waits_for_the_first(place, times, told):
    """As after a kill of Snakemake alone, whose jobs go on: the same job is not done twice, another one is."""
    wait = {"wait": True, "seconds": 3}
    first = subprocess.Popen(line(key(place, **wait)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (place / "started").exists():
        time.sleep(0.02)
    before = (place / "out/a b.txt").stat()
    done = start(key(place, **wait | {"times": times}))
    assert first.wait(timeout=60) == 0 and done.returncode == 0, done.stderr
    assert "another process makes it; waiting" in done.stderr and told in done.stdout
    assert {name for name in left(place) if not name.endswith(".tmp")} == ALL
    assert (place / "out/a b.txt").read_text() == "ab" * times
    assert ((place / "out/a b.txt").stat().st_mtime_ns == before.st_mtime_ns) == bool(told)


def test_what_a_killed_attempt_goes_on_from_outlives_the_receipt(place):
    assert start(key(place)).returncode == 0
    assert (place / "tidied").read_text() == "True"


def test_words_from_a_file(place):
    """A command line may be longer than the system allows; then its words stand in a file, one per line."""
    given = key(place, note="x" * 200_000)
    (place / "words").write_text("\n".join(line(given)[3:]))
    done = subprocess.run([*line(given)[:3], "@words"], capture_output=True, text=True)
    assert done.returncode == 0 and left(place) == ALL, done.stderr


def test_killed(place):
    assert start(key(place)).returncode == 0
    process = subprocess.Popen(line(key(place, wait=True, times=3)), stdout=subprocess.DEVNULL)
    while not (place / "started").exists():
        time.sleep(0.02)
    process.kill()
    process.wait()
    killed = {"a b.txt", "2.txt", ".2.txt.1.tmp", ".a b.txt.receipt.json.lock"}
    assert left(place) == killed, "no receipt speaks for the new file"
    assert start(key(place, times=3)).returncode == 0 and left(place) == ALL


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input": "text=none.txt"}, "none.txt: input is missing"),
        ({"input": "text=pipeline"}, "pipeline: input is a folder, expected a file"),
        ({"input": "in.txt"}, "--input in.txt: expected NAME=PATH"),
        ({"input": "text=/etc/passwd"}, "--input /etc/passwd: expected a plain path inside the repository"),
        ({"output": "first=../a"}, "--output ../a: expected a plain path inside"),
        ({"output": "second=b"}, "--output: a name is given twice"),
        ({"key": "{"}, "--key: not valid JSON"),
        ({"option": "pace"}, "--option pace: expected NAME=JSON"),
        ({"option": "pace={"}, "--option pace={: expected NAME=JSON"),
        (
            {"key": '{"kind": "work"}'},
            "--key: expected exactly code, files, kind, packages, settings, shell, wildcards",
        ),
    ],
)
def test_bad_command_line(place, changes, message):
    done = start(key(place), **changes)
    assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr
    assert not (place / "out").exists()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"inputs": {"text": "other.txt"}, "outputs": {}},
            "--input text: the key says other.txt, the command line in.txt",
        ),
        ({"inputs": {"more": "in.txt"}, "outputs": {}}, "--input more: the key says in.txt, the command line nothing"),
        ({"inputs": {}, "outputs": {"first": "out/2.txt"}}, "--output first: the key says out/2.txt"),
    ],
)
def test_files_in_other_roles_than_the_key_says(place, asked, message):
    done = start(key(place) | {"files": asked})
    assert done.returncode == 1 and message in done.stderr and not (place / "out").exists()


def test_an_error_of_the_code_keeps_its_traceback(place):
    done = start(key(place, times=None))
    assert done.returncode == 1 and "TypeError" in done.stderr and "Traceback" in done.stderr and left(place) == set()


def test_a_job_loads_no_tools_of_the_workflow():
    code = "import sys, pipeline.provenance.job; print({'torch', 'numpy', 'snakemake', 'yaml'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=SOURCES.parent, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"

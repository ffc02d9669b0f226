"""The same call again: after a stop, a kill or damage, and when nothing happened at all."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.fetch.run import fetch
from pipeline.fetch.settings import Places
from tests.fetch_examples import CONTENT, archive, file, left, source, toy
from tests.fetch_server import QUICK, Answer

ROOT = Path(__file__).resolve().parents[2]


STOPPED = """
import sys
from pipeline.fetch import __main__, run
from pipeline.fetch.settings import Places, Settings
from pathlib import Path
from tests.fetch_server import QUICK
from tests.fetch_examples import file, source
Settings.of = lambda _: QUICK
run.Places = lambda: Places(Path(sys.argv[2]) / "raw", Path(sys.argv[2]) / "lock.yaml")
run.catalogue.load = lambda: source(file("toy.zip", sys.argv[1], into="Toy"))
sys.exit(__main__.main(["toy"]))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_command_leaves_the_part_alone(server, tmp_path, number):
    command = [sys.executable, "-c", STOPPED, server.put("/toy.zip", Answer(CONTENT, pause=0.5)), str(tmp_path)]
    part = tmp_path / "raw/toy/archives/toy.zip.part"
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not (part.is_file() and part.stat().st_size):
            assert process.poll() is None
        process.send_signal(number)
        assert process.wait(timeout=60) == 128 + number
    assert left(tmp_path) == {"raw/toy/archives/toy.zip.part", "raw/toy/archives/toy.zip.part.json"}


def test_what_a_killed_process_left_is_removed(server, places):
    (places.raw / "toy/.Toy.123.tmp/Set").mkdir(parents=True)
    (places.raw / "toy/.Toy.123.tmp/Set/0000.png").write_bytes(b"half")
    (places.raw / "toy/.manifest.csv.123.tmp").write_bytes(b"path,si")
    (places.raw / "toy/.link.tmp").symlink_to(places.raw)
    fetch(["toy"], QUICK, sources=toy(server), places=places)
    assert not [*places.raw.glob("toy/.*")]


KILLED = """
import os, sys
from pathlib import Path
from pipeline.fetch.run import fetch
from pipeline.fetch.settings import Places
from tests.fetch_server import QUICK
from tests.fetch_examples import file, source
rename = Path.rename
def killed(path, target):
    if sys.argv[3] == "after":
        rename(path, target)
    os._exit(9)
Path.rename = killed
place = Path(sys.argv[2])
fetch(["toy"], QUICK, sources=source(file("toy.zip", sys.argv[1], into="Toy")), places=Places(place / "raw", place / "l"))
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_around_the_moment_when_a_folder_gets_its_name(server, tmp_path, moment):
    url = server.put("/toy.zip", archive())
    command = [sys.executable, "-c", KILLED, url, str(tmp_path), moment]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60).returncode == 9
    assert (tmp_path / "raw/toy/Toy").exists() == (moment == "after")
    places = Places(tmp_path / "raw", tmp_path / "l")
    fetch(["toy"], QUICK, sources=source(file("toy.zip", url, into="Toy")), places=places)
    assert len((tmp_path / "raw/toy/manifest.csv").read_text().splitlines()) == 4 and len(server.asked) == 1
    assert not [*places.raw.glob("toy/.*")]


def change(image: Path) -> None:
    image.write_bytes(b"image 9")


@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize(
    ("damage", "words"),
    [(change, "changed Set/0001.png"), (Path.unlink, "lost Set/0001.png"), (None, "new Set/more.png")],
)
def test_files_that_are_not_as_they_were_unpacked(server, places, damage, words, earlier):
    """Nobody states a count; `earlier`: what an earlier version unpacked, without noting any file."""
    sources = source(file("toy.zip", server.put("/toy.zip", archive()), into="Toy"))
    fetch(["toy"], QUICK, sources=sources, places=places)
    folder = places.raw / "toy"
    whole, note = (folder / "manifest.csv").read_bytes(), folder / "archives/toy.zip.unpacked"
    if earlier:
        note.write_text(note.read_text().splitlines()[0] + "\n")
    if damage:
        damage(folder / "Toy/Set/0001.png")
    else:
        (folder / "Toy/Set/more.png").touch()
    for _ in range(2):
        with pytest.raises(
            UserError, match=rf"{folder}/Toy: changed since it was unpacked: {words}\. Remove {folder}/Toy, then"
        ):
            fetch(["toy"], QUICK, sources=sources, places=places)
        assert not [*folder.glob("*.csv"), *folder.glob("*.json"), *folder.glob(".*")]
    shutil.rmtree(folder / "Toy")
    fetch(["toy"], QUICK, sources=sources, places=places)
    assert (folder / "manifest.csv").read_bytes() == whole and len(server.asked) == 1


def test_what_an_earlier_version_unpacked_is_taken_when_it_is_whole(server, places, capsys):
    sources = toy(server)
    fetch(["toy"], QUICK, sources=sources, places=places)
    note = places.raw / "toy/archives/toy.zip.unpacked"
    before = note.read_text()
    note.write_text(before.splitlines()[0] + "\n")
    for times in (1, 0):
        capsys.readouterr()
        fetch(["toy"], QUICK, sources=sources, places=places)
        assert capsys.readouterr().out.count("unpacking again to compare") == times
    assert note.read_text() == before and not [*places.raw.glob("toy/.*")]


def test_an_unpacked_folder_of_another_archive_is_not_taken(server, places):
    sources = toy(server)
    fetch(["toy"], QUICK, sources=sources, places=places)
    (places.raw / "toy/archives/toy.zip.unpacked").write_text("0" * 64)
    with pytest.raises(UserError, match="was not unpacked from toy"):
        fetch(["toy"], QUICK, sources=sources, places=places)


def test_a_plan_knows_that_a_removed_archive_comes_again(server, places, capsys):
    sources, size = toy(server), len(archive())
    fetch(["toy"], QUICK, sources=sources, places=places)
    (places.raw / "toy/archives/toy.zip").unlink()
    capsys.readouterr()
    fetch(["toy"], QUICK, dry=True, sources=sources, places=places)
    assert f"toy.zip: {size:,} bytes; proof" in (told := capsys.readouterr().out)
    assert f"to come: {size:,} bytes; room needed {size:,}, free" in told
    (places.raw / "toy/Toy").rename(places.raw / "toy/Elsewhere")
    fetch(["toy"], QUICK, dry=True, sources=sources, places=places)
    assert f"room needed {int(size * 2.05):,}, free" in capsys.readouterr().out

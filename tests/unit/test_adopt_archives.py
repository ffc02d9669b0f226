"""A copy that is still packed: the same images as unpacked, from parts at any depth, without a byte in the user's folder."""

import shutil
import tarfile
import zipfile
from collections import namedtuple
from pathlib import Path

import pytest

from pipeline.adopt import archives, checks, layouts
from pipeline.adopt import drealsr as known
from pipeline.datasets import drealsr
from pipeline.errors import UserError
from tests.adopted import listing, part, picture, report
from tests.fake_drealsr import write_fake_drealsr

LISTS = Path(__file__).parents[2] / "data" / "lists"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setitem(layouts.LAYOUTS, "drealsr", lambda: known.layout(LISTS))


@pytest.fixture(scope="module")
def master(tmp_path_factory):
    return write_fake_drealsr(tmp_path_factory.mktemp("master"), patches=3, photos=2)


@pytest.fixture
def raw(tmp_path, master):
    return Path(shutil.copytree(master, tmp_path / "raw"))


def zipped(folder: Path, target: Path, parts: int = 1) -> None:
    """Pack a folder as `target`, cut into parts `.001`, … where several are asked for."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*.png")):
            archive.write(path, Path(folder.name) / path.relative_to(folder))
    if parts > 1:
        content = target.read_bytes()
        size = len(content) // parts + 1
        for number in range(parts):
            place = target.with_name(f"{target.name}.{number + 1:03d}")
            place.write_bytes(content[number * size : (number + 1) * size])
        target.unlink()


@pytest.fixture
def packed(raw, tmp_path):
    """Train in three parts, test as one archive, at different depths."""
    zipped(raw / "x4/Train_x4", tmp_path / "copy/baidu/x4/Train_x4.zip", parts=3)
    zipped(raw / "x4/Test_x4", tmp_path / "copy/Test_x4.zip")
    return tmp_path / "copy"


def test_a_packed_copy_equals_the_unpacked_one_and_is_only_read(raw, packed, capsys):
    unpacked, _ = report("drealsr", raw)
    before_that = listing(packed)
    found, said = report("drealsr", packed)
    assert found["files"] == unpacked["files"] and found["parts"] == unpacked["parts"]
    assert found["digest"] == unpacked["digest"] and found["folder"] == str(packed)
    assert listing(packed) == before_that
    assert "Archives were unpacked into data/raw/drealsr" in said
    told = capsys.readouterr().err
    assert (
        "drealsr: Test_x4.zip, Train_x4.zip take 0.0 GB unpacked into data/raw/drealsr" in told and "are free" in told
    )
    assert drealsr.missing("data/raw/drealsr", ["panasonic", "sony", "olympus"], 4) is None
    assert [
        len(split.items)
        for split in drealsr.collect({"val": {"patches": 1, "seed": 1}}, "sony", 4, Path("data/raw/drealsr"))
    ]


def test_jobs_read_what_was_unpacked_from_the_folder_that_is_named(raw, packed):
    report("drealsr", packed)
    assert checks.place("drealsr", str(packed)) == "data/raw/drealsr"
    assert checks.place("drealsr", str(raw)) == str(raw) and checks.place("drealsr", None) is None


def test_it_is_unpacked_once_and_again_when_an_archive_changed(raw, packed):
    report("drealsr", packed)
    stamp = next(Path("data/raw/drealsr").rglob("*.png")).stat().st_mtime_ns
    again, _ = report("drealsr", packed)
    assert next(Path("data/raw/drealsr").rglob("*.png")).stat().st_mtime_ns == stamp
    (raw / "x4/Test_x4/Test_x4/test_HR/sony_501_x4.png").unlink()
    zipped(raw / "x4/Test_x4", packed / "Test_x4.zip")
    other, _ = report("drealsr", packed)
    assert other["since_last"]["removed"] == ["sony/x4/test/HR/sony_501_x4"] and other["digest"] != again["digest"]


def test_images_beside_archives_count_without_a_copy(raw, packed):
    shutil.copytree(raw / "x4/Test_x4", packed / "unpacked/Test_x4")
    (packed / "Test_x4.zip").unlink()
    found, _ = report("drealsr", packed)
    assert found["digest"] == report("drealsr", raw)[0]["digest"]
    assert (Path("data/raw/drealsr") / archives.LINK).is_symlink()


def test_images_that_come_later_beside_archives_are_seen(raw, packed):
    whole = report("drealsr", packed)[0]["digest"]
    (packed / "Test_x4.zip").rename(packed.parent / "Test_x4.zip")
    assert part(report("drealsr", packed)[0], "sony", 4, "test")["state"] == "absent"
    shutil.copytree(raw / "x4/Test_x4", packed / "unpacked/Test_x4")
    found, _ = report("drealsr", packed)
    assert found["digest"] == whole and len(found["since_last"]["added"]) == 12
    assert (Path("data/raw/drealsr") / archives.LINK).is_symlink()
    stamp = next(Path("data/raw/drealsr").glob("01_*/**/*.png")).stat().st_ctime_ns
    assert report("drealsr", packed)[1].count("unchanged since the last report") == 1
    assert next(Path("data/raw/drealsr").glob("01_*/**/*.png")).stat().st_ctime_ns == stamp


def test_jobs_no_longer_read_what_was_unpacked_once_the_archives_have_gone(raw, packed):
    report("drealsr", packed)
    kept = Path(shutil.copytree(packed, packed.parent / "kept"))
    for archive in packed.rglob("*.zip*"):
        archive.unlink()
    shutil.copytree(raw / "x4", packed / "x4")
    # A look at another folder changes nothing for this one.
    report("drealsr", raw)
    assert checks.place("drealsr", str(packed)) == "data/raw/drealsr"
    report("drealsr", packed)
    assert checks.place("drealsr", str(packed)) == str(packed)
    report("drealsr", kept)
    assert checks.place("drealsr", str(kept)) == "data/raw/drealsr"


def test_links_to_nothing_beside_an_archive_are_named_and_the_rest_is_used(raw, packed):
    whole = report("drealsr", packed)[0]["digest"]
    for name in ("lost.png", "lost.zip", "cut.zip.001"):
        (packed / name).symlink_to(packed / "nowhere" / name)
    found, said = report("drealsr", packed)
    assert found["digest"] == whole and "lost.png" not in said
    for name in ("lost.zip", "cut.zip.001"):
        assert f"{name}: a link to a missing file. Copy the archive there, or remove the link." in said


def test_an_image_of_the_same_name_and_size_in_another_folder_is_another_image(tmp_path):
    for video in ("000", "001", "002"):
        content = picture(tmp_path / f"train/train_sharp/{video}/00000024.png", seed=7).read_bytes()
    zipped(tmp_path / "train", tmp_path / "copy/train_sharp.zip")
    loose = tmp_path / "copy/val/val_sharp/003/00000024.png"
    loose.parent.mkdir(parents=True)
    loose.write_bytes(content)
    found, said = report("reds", tmp_path / "copy")
    assert "It was not unpacked" not in said and found["images"] == 4
    # An archive without folders: whatever folder its images lie in.
    shutil.rmtree(tmp_path / "copy")
    picture(tmp_path / "copy/train_sharp/000/00000024.png", seed=7)
    with zipfile.ZipFile(tmp_path / "copy/flat.zip", "w") as archive:
        archive.writestr("00000024.png", content)
    assert report("reds", tmp_path / "copy")[0]["images"] == 1 and not archives.unpacked_from("reds", tmp_path / "copy")


def test_archives_kept_beside_what_was_unpacked_from_them_are_left_alone(raw, packed):
    shutil.copytree(raw / "x4", packed / "unpacked")
    found, said = report("drealsr", packed)
    assert not Path("data/raw/drealsr").exists() and part(found, "sony", 4, "test")["state"] == "incomplete"
    (packed / "unpacked/Test_x4/Test_x4/test_LR/sony_500_x1.png").unlink()
    found, said = report("drealsr", packed)
    assert "Test_x4.zip: 11 of its 12 images lie unpacked beside it" in said and not Path("data/raw/drealsr").exists()


def test_a_missing_part_a_broken_archive_and_a_hostile_one_are_named_and_the_rest_is_used(packed):
    (packed / "baidu/x4/Train_x4.zip.002").unlink()
    (packed / "page.zip").write_bytes(b"<html>quota</html>")
    with zipfile.ZipFile(packed / "hostile.zip", "w") as archive:
        archive.writestr("../escape.png", b"x")
    with tarfile.open(packed / "damaged.tar.bz2", "w:bz2") as archive:
        archive.addfile(tarfile.TarInfo("a.png"))
    content = bytearray((packed / "damaged.tar.bz2").read_bytes())
    content[len(content) // 2] ^= 255
    (packed / "damaged.tar.bz2").write_bytes(content)
    found, said = report("drealsr", packed)
    assert "part .002 is missing beside Train_x4.zip.003" in said
    assert "page.zip: is not a whole zip or tar archive" in said and "leads outside" in said
    assert "damaged.tar.bz2: is not a whole zip or tar archive" in said
    assert (
        part(found, "sony", 4, "test")["faults"].keys() == {"missing", "extra"} and not Path("data/escape.png").exists()
    )
    assert part(found, "sony", 4, "train")["state"] == "absent"


def test_the_last_part_missing_is_no_whole_archive(packed):
    (packed / "baidu/x4/Train_x4.zip.003").unlink()
    assert "give all parts, in order" in report("drealsr", packed)[1]


def test_joined_archive_beside_its_parts_is_taken_once(raw, packed):
    zipped(raw / "x4/Train_x4", packed / "baidu/x4/Train_x4.zip")
    joined = packed / "baidu/x4/Train_x4.zip"
    assert archives.groups(packed)[0][joined] == [joined]
    assert report("drealsr", packed)[0]["digest"] == report("drealsr", raw)[0]["digest"]


def test_a_tar_is_an_archive_too(raw, tmp_path):
    (tmp_path / "tar").mkdir()
    with tarfile.open(tmp_path / "tar/all.tar.gz", "w:gz") as archive:
        archive.add(raw / "x4", "x4")
    assert report("drealsr", tmp_path / "tar")[0]["digest"] == report("drealsr", raw)[0]["digest"]


def test_a_full_disk_is_known_before_the_first_byte(packed, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda place: namedtuple("Usage", "total used free")(10, 5, 5))
    with pytest.raises(UserError, match=r"take 0\.0 GB unpacked .* 0\.0 GB are free\. Make room.*adopt\.drealsr"):
        report("drealsr", packed)
    assert not Path("data/raw/drealsr").exists() and not Path("results/adoption/drealsr.json").exists()


def test_files_of_the_user_in_data_raw_are_not_removed(packed):
    own = Path("data/raw/drealsr/own.txt")
    own.parent.mkdir(parents=True)
    own.touch()
    with pytest.raises(UserError, match="holds files that this command did not write"):
        report("drealsr", packed)
    assert own.exists()


def test_an_interrupted_unpacking_is_done_again(packed, monkeypatch):
    def stop(*asked, **named):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(archives, "write_json", stop)
        report("drealsr", packed)
    assert checks.place("drealsr", str(packed)) == str(packed)
    report("drealsr", packed)
    assert checks.place("drealsr", str(packed)) == "data/raw/drealsr"

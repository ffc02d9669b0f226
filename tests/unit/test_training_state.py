"""State of a training under way: continued only under its own stamp, never from a file that is not whole."""

import pytest
import torch

from pipeline.errors import UserError
from pipeline.training import state
from pipeline.training.state import RunFiles

CPU = torch.device("cpu")


@pytest.fixture
def run_files(tmp_path) -> RunFiles:
    """Two steps logged and saved, a third only logged."""
    files = RunFiles(tmp_path, "stamp")
    assert files.load(CPU) is None
    for step in (1, 2):
        files.log({"step": step})
    files.save(2, {"sums": {}})
    files.log({"step": 3})
    files.tell(3, 9, 1.0)
    return files


def test_the_history_is_cut_back_to_the_state(run_files, tmp_path):
    again = RunFiles(tmp_path, "stamp")
    assert again.load(CPU)["step"] == 2
    assert again.history.read_text() == '{"step": 1}\n{"step": 2}\n'


def test_what_a_killed_write_left_is_removed_and_never_read(run_files, tmp_path):
    for name in (".state.pt.4711.tmp", ".progress.json.4711.tmp"):
        (tmp_path / name).write_bytes(b"half")
    assert RunFiles(tmp_path, "stamp").load(CPU)["step"] == 2
    assert {path.name for path in tmp_path.iterdir()} == set(state.NAMES)


@pytest.mark.parametrize(("stamp", "cut"), [("another", 0), ("stamp", 1)])
def test_a_foreign_state_or_a_lost_history_is_not_continued(run_files, tmp_path, capsys, stamp, cut):
    if cut:
        run_files.history.write_text("")
    assert RunFiles(tmp_path, stamp).load(CPU) is None
    assert "training starts anew" in capsys.readouterr().out and run_files.history.read_text() == ""


@pytest.mark.parametrize("content", [b"", b"\0" * 3000, b"garbage", "half"])
def test_a_state_that_is_not_whole_is_named(run_files, tmp_path, content):
    whole = run_files.state.read_bytes()
    run_files.state.write_bytes(whole[: len(whole) // 2] if content == "half" else content)
    with pytest.raises(UserError, match=r"state\.pt: cannot be read .*Delete it to train this run anew"):
        RunFiles(tmp_path, "stamp").load(CPU)


def test_a_finished_run_leaves_nothing_undeclared(run_files, tmp_path):
    (tmp_path / "generator.safetensors").touch()
    state.remove(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["generator.safetensors"]

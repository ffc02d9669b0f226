"""A table's CSV as plain text."""

import pytest

from pipeline.errors import UserError
from pipeline.tables.show import as_text

HEADER = "setting,pair,method,seed,metric,value\n"


def test_means_win_over_seeds_and_absent_numbers_are_dashes(tmp_path):
    table = tmp_path / "t.csv"
    rows = ["real,P→S,dada,0,psnr_y,27.0", "real,P→S,dada,1,psnr_y,28.0", "real,P→S,dada,mean,psnr_y,27.5"]
    rows += ["real,P→S,dada,std,psnr_y,0.5", "real,P→S,bicubic,0,psnr_y,26.1234", "real,S→P,dada,0,psnr_y,25.0"]
    rows += ["real,P→S,cincgan,,psnr_y,"]
    table.write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
    assert as_text(table).splitlines() == [
        "real, psnr_y    dada  bicubic",
        "P→S           27.500   26.123",
        "S→P           25.000        -",
    ]


def test_other_files_are_refused(tmp_path):
    with pytest.raises(UserError, match="no such table"):
        as_text(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="expected a table"):
        as_text(tmp_path / "t.csv")

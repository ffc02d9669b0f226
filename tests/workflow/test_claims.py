"""The claims rule on the real workflow: pages are made, and a changed claims file makes only its own page anew."""

import pytest

from tests.workflow.workspace import Workspace

PAPERS = ("dada", "cdasr", "lway", "dan")
PAGES = [f"results/report/claims_{paper}.html" for paper in PAPERS]


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Workspace:
    """A workspace with all claims pages, committed."""
    workspace = Workspace.create(tmp_path_factory.mktemp("claims") / "repo")
    workspace.snakemake("-c2", "--", *PAGES)
    workspace.commit("pages")
    return workspace


def test_pages_are_made_with_receipts(finished):
    for page in PAGES:
        for path in (page, page.replace(".html", ".csv"), f"{page}.receipt.json"):
            assert (finished.folder / path).stat().st_size > 0
    tracked = finished.git("ls-files", "results/report").split()
    assert sorted(tracked) == sorted(
        path for page in PAGES for path in (page.replace(".html", ".csv"), f"{page}.receipt.json")
    )


def test_in_a_fresh_clone_a_changed_file_makes_its_own_page_anew(finished, tmp_path):
    """Pages are DVC's, so a clone has none of them; their CSV files are git's."""
    clone = finished.clone(tmp_path / "clone")
    changes = {"claims/cdasr.yaml": ("severity: A", "severity: C"), "lway.yaml": ("24.65", "24.66")}
    for name, (old, new) in changes.items():
        path = clone.folder / "data/reported" / name
        path.write_text(path.read_text().replace(old, new, 1))
    wanted = {f"claims: results/report/claims_{paper}.html" for paper in ("cdasr", "lway")}
    assert clone.planned(*(page.replace(".html", ".csv") for page in PAGES)) == wanted


def test_bad_claim_ends_the_rule_with_its_name(finished, tmp_path):
    clone = finished.clone(tmp_path / "clone")
    path = clone.folder / "data/reported/claims/dada.yaml"
    path.write_text(path.read_text().replace("method: [source_only, dada]", "method: [source_only, dadda]"))
    done = clone.snakemake("-c1", "--", PAGES[0], check=False)
    assert done.returncode == 1 and "claim D1: method 'dadda' is not in" in done.stdout + done.stderr
    assert not (clone.folder / PAGES[0]).exists() and not (clone.folder / f"{PAGES[0]}.receipt.json").exists()

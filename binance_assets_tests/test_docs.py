"""What is written down about the code is what the code says."""

import re
import subprocess
from importlib import resources
from pathlib import Path

import pytest
import yaml

from binance_assets.docs import ROOT, documents


@pytest.mark.parametrize("name", documents())
def test_a_generated_file_is_what_the_code_makes_of_it(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == documents()[name], "run `make docs`"


def test_dagster_dev_by_hand_uses_the_same_settings_as_a_home() -> None:
    """`dagster dev -w workspace.yaml` reads the project's dagster.yaml; it only adds where the default home is."""
    by_hand = yaml.safe_load((ROOT / "dagster.yaml").read_text(encoding="utf-8"))
    of_a_home = yaml.safe_load(resources.files("binance_assets").joinpath("dagster.yaml").read_text(encoding="utf-8"))
    places = {"run_storage", "event_log_storage", "schedule_storage", "local_artifact_storage"}
    assert {name: value for name, value in by_hand.items() if name not in places} == {
        name: value for name, value in of_a_home.items() if name not in places
    }
    assert by_hand["event_log_storage"]["class"] == of_a_home["event_log_storage"]["class"]
    folders = {place: by_hand[place]["config"]["base_dir"] for place in places}
    assert folders == {
        "event_log_storage": "data/dagster",
        "run_storage": "data/dagster/history",
        "schedule_storage": "data/dagster/schedules",
        "local_artifact_storage": "data/dagster",
    }


def test_every_link_in_the_documents_leads_somewhere() -> None:
    for document in [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_the_lock_names_no_address_and_pins_every_package() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in text
    pinned = re.findall(r"^[a-z0-9].*$", text, flags=re.MULTILINE)
    assert len(pinned) > 50
    assert all("==" in line for line in pinned)
    assert text.count("--hash=sha256:") > len(pinned)


def test_nothing_committed_is_data_of_a_home() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert not [name for name in tracked if Path(name).suffix in {".duckdb", ".parquet", ".sqlite"}]

"""The edges of a run come from a dictionary or from a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from vae_exporter._process.band_edges import check_band_edges
from vae_exporter.errors import SettingsError
from vae_exporter.vocabulary import BAND_EDGES

if TYPE_CHECKING:
    from pathlib import Path

NLL_EDGES = dict(zip(BAND_EDGES["nll"], [0.1, 0.24, 0.28, 0.32, 0.36, 0.5, 0.6, 0.8], strict=True))


def test_a_file_gives_the_edges_that_its_dictionary_would(tmp_path: Path) -> None:
    file = tmp_path / "bands.json"
    file.write_text(json.dumps({"derived": "by hand", "band_edges": {"nll": NLL_EDGES}}))
    assert check_band_edges(file) == check_band_edges(str(file)) == check_band_edges({"nll": NLL_EDGES})
    assert check_band_edges(file)["nll", "bad"] == 0.6


def test_none_has_no_edges() -> None:
    assert check_band_edges(None) == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read the band edges in {file}: No such file or directory; write the file with"),
        ("nll: 0.3", "the band edges in {file} are not JSON: Expecting value"),
        ("[0.3]", "{file} has no field 'band_edges': write the file with `vae-exporter learn`"),
        ('{"level": 0.3}', "{file} has no field 'band_edges': write the file with `vae-exporter learn`"),
        ('{"band_edges": 0.3}', "{file}: band_edges must be a dictionary, got 0.3"),
        ('{"band_edges": {"nl": {}}}', "{file}: band_edges has an unknown signal, 'nl': did you mean 'nll'?"),
        (
            json.dumps({"band_edges": {"nll": {**NLL_EDGES, "bad": "0.6"}}}),
            "{file}: band_edges['nll']['bad'] must be a finite number, got '0.6'",
        ),
        (
            json.dumps({"band_edges": {"nll": {**NLL_EDGES, "bad": 0.2}}}),
            "{file}: band_edges['nll'] must ascend (suspicious < ",
        ),
        (
            json.dumps({"band_edges": {"nll": {"bad": 0.2}}}),
            "{file}: band_edges['nll'] must have all of its edges or none, missing: suspicious, ",
        ),
    ],
    ids=[
        "missing file",
        "no JSON",
        "no object",
        "no field",
        "no dictionary",
        "signal",
        "no number",
        "order",
        "missing",
    ],
)
def test_a_bad_file_is_refused_with_its_name_the_field_and_the_fix(
    tmp_path: Path, content: str | None, message: str
) -> None:
    file = tmp_path / "bands.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SettingsError) as raised:
        check_band_edges(file)
    assert str(raised.value).startswith(message.replace("{file}", str(file)))

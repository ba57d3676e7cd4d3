"""The page and the pictures of the outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vae_exporter import SettingsError
from vae_exporter._process.outputs import Pictures

if TYPE_CHECKING:
    from collections.abc import Callable

    from vae_exporter._process.settings import RunSettings

    MakeSettings = Callable[..., RunSettings]

TEMPLATE = "https://host/samples/step-{step}.png"


def test_the_url_of_a_page_has_no_pictures(make_settings: MakeSettings) -> None:
    assert make_settings(outputs_url="https://host/samples").pictures is None


@pytest.mark.parametrize("url", ["https://host/newest.png", "http://host/a/b.JPEG?width=800"])
def test_the_url_of_a_picture_is_also_the_page(make_settings: MakeSettings, url: str) -> None:
    settings = make_settings(outputs_url=url)
    assert (settings.pictures, settings.info) == (Pictures(url), {"outputs_url": url})


def test_the_page_of_pictures_for_each_step_is_their_folder(make_settings: MakeSettings) -> None:
    settings = make_settings(outputs_url=TEMPLATE, outputs_every=500)
    assert (settings.pictures, settings.info) == (
        Pictures(TEMPLATE, 500),
        {"outputs_url": "https://host/samples/"},
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"outputs_url": TEMPLATE}, "outputs_every must be the number of steps .*, got None"),
        ({"outputs_url": TEMPLATE, "outputs_every": 0}, "outputs_every must be .*, got 0"),
        ({"outputs_url": TEMPLATE, "outputs_every": True}, "outputs_every must be .*, got True"),
        ({"outputs_url": "https://host/", "outputs_every": 5}, "outputs_every needs an outputs_url with {step}"),
        ({"outputs_every": 5}, "outputs_every needs an outputs_url with {step}, .*, got None"),
        ({"outputs_url": "https://{step}/a.png", "outputs_every": 5}, "must start with https://HOST/"),
        ({"outputs_url": "file:///a/{step}.png", "outputs_every": 5}, "must start with https://HOST/"),
    ],
)
def test_what_does_not_fit_is_refused(make_settings: MakeSettings, given: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        make_settings(**given)

"""Where the outputs of a run can be looked at: a page to open, and pictures to show."""

from __future__ import annotations

import re
from dataclasses import dataclass

from vae_exporter.errors import SettingsError

STEP = "{step}"
"""Stands for the step in the URL of a picture."""

_PICTURE = re.compile(r"https?://[^?#]+\.(png|jpe?g|gif|webp)([?#].*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Pictures:
    """Pictures of the outputs at *url*. If it contains `STEP`, there is one every *every* steps, else *every* is 0."""

    url: str
    every: int = 0


def page_of(url: str) -> str:
    """Return the page to open for *url*: for one with `STEP`, the folder of the pictures."""
    before, step, _ = url.partition(STEP)
    return before.rpartition("/")[0] + "/" if step else url


def pictures_of(url: str | None, every: object) -> Pictures | None:
    """Return the pictures at *url*, or None if it is not the URL of a picture.

    Raises:
        SettingsError: If *url* contains `STEP` and *every* is not a number of steps, or the other way round.
    """
    has_step = url is not None and STEP in url
    if every is None and not has_step:
        return Pictures(url) if url is not None and _PICTURE.fullmatch(url) else None
    if url is None or not has_step:
        raise SettingsError(
            f"outputs_every needs an outputs_url with {STEP}, such as https://host/samples/step-{STEP}.png, got {url!r}"
        )
    if not re.match(r"https?://[^{]+/", url):
        raise SettingsError(f"an outputs_url with {STEP} must start with https://HOST/ or http://HOST/, got {url!r}")
    if not isinstance(every, int) or isinstance(every, bool) or every < 1:
        raise SettingsError(
            f"outputs_every must be the number of steps between two pictures of outputs_url, got {every!r:.80}"
        )
    return Pictures(url, every)

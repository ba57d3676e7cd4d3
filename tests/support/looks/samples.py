"""The pictures that the trainings save of their outputs, as the browser would load them from their host."""

from __future__ import annotations

import io
import re

from PIL import Image, ImageDraw, ImageFont

HOST = "https://example.org/samples/"

STEPS_BETWEEN_SAMPLES = 500

SIZE = (512, 384)


def url_of(run: str, step: str) -> str:
    """Return the URL of the picture of *run* at *step*."""
    return f"{HOST}{run}/step-{step}.png"


def sample(url: str) -> bytes | None:
    """Return the picture at *url*, a PNG that shows its run and step; None if no training has saved it."""
    found = re.fullmatch(re.escape(HOST) + r"([\w-]+)/step-(\d+)\.png", url)
    if found is None or int(found[2]) % STEPS_BETWEEN_SAMPLES:
        return None
    picture = Image.linear_gradient("L").resize(SIZE).convert("RGB")
    font = ImageFont.load_default(size=36)
    ImageDraw.Draw(picture).multiline_text((24, 24), f"{found[1]}\nstep {found[2]}", fill="orange", font=font)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()

"""Parse logged Python dictionaries, which may contain tensors and usually have no step.

    INFO:root:{'train/total_loss': tensor(0.5123, device='cuda:0'), 'train/nll_loss': tensor(0.5065), 'lr': 2.8e-05}

A dictionary may span several lines. Each one is a row.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vae_exporter.judge.logs.columns import has_losses
from vae_exporter.judge.logs.rows import BAD_NUMBER, CUT_SHORT, Line, Refusal, Row, number, shown, whole
from vae_exporter.log_names import STEP, TIME
from vae_exporter.vocabulary import COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vae_exporter.judge.logs.columns import Columns

EXAMPLE = "{'train/nll_loss': tensor(0.5065, device='cuda:0'), 'train/rec_loss': tensor(0.0312), ...}"

_MAX_DEPTH = 4
_MAX_LINES = 64
_MAX_TEXT = 1 << 16

_NUMBER = r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|nan|inf|NaN|Infinity)"
_VALUE = rf"(?:(?:tensor|array|np\.float\d+|float)\(\s*\[?\s*|['\"])?(?P<value>{_NUMBER})(?![\w.])"
_PAIR = re.compile(rf"(?P<quote>['\"])(?P<key>[\w/. -]{{1,100}})(?P=quote)\s*:\s*{_VALUE}")
_A_KEY = re.compile(r"(?P<quote>['\"])(?P<key>[\w/. -]{1,100})(?P=quote)\s*:(?!\s*None\b)")
_WITHIN = re.compile(r"['\"](?P<key>[\w/. -]{1,100})['\"]\s*:\s*\{(?P<body>[^{}]*)\}")
_KEY_BEGINS = re.compile(r"['\"](?=[\w/. -]{1,100}['\"]\s*:)")
_STEP_BEFORE = re.compile(r"\b(?:global_)?(?:step|iter|iteration)s?\b\s*[:=\[]?\s*(?P<step>\d{1,18})", re.IGNORECASE)


def looks(text: str) -> bool:
    """Return whether *text* contains a dictionary with a number in it."""
    return "{" in text and _PAIR.search(text, text.index("{")) is not None


def parse(lines: Iterable[Line], columns: Columns) -> Iterator[Row | Refusal]:
    """Yield a row for each dictionary in *lines* that has losses, and a refusal for each damaged one."""
    for line in _dictionaries(lines):
        if isinstance(line, Refusal):
            yield line
            continue
        row = _row(line, columns)
        if row is not None:
            yield row


def _dictionaries(lines: Iterable[Line]) -> Iterator[Line | Refusal]:
    """Yield each dictionary as one line, together with the text before it."""
    open_line: Line | None = None
    parts: list[str] = []
    for line in lines:
        text = line.text
        if open_line is None or looks(text):
            if open_line is not None:  # the next dictionary begins before this one ends
                yield Refusal(open_line.number, CUT_SHORT, shown(" ".join(parts)), "the next one begins within it")
            if "{" not in text or not _A_KEY.search(text, text.index("{")):
                open_line = None
                continue
            open_line, parts = line, [text]
        else:
            parts.append(text)
        if "}" in text:
            yield from _split(Line(open_line.number, _joined(parts)))
            open_line = None
        elif len(parts) >= _MAX_LINES or sum(map(len, parts)) > _MAX_TEXT:
            yield Refusal(open_line.number, CUT_SHORT, shown(" ".join(parts)), "it has no end")
            open_line = None
    if open_line is not None:
        yield Refusal(open_line.number, CUT_SHORT, shown(" ".join(parts)), "it has no end")


def _joined(parts: list[str]) -> str:
    """Join the lines of a dictionary. A terminal may wrap them anywhere, even inside a name or a number."""
    return "".join(part.lstrip() if part[:8].isspace() else part for part in parts)


def _flat(text: str) -> str:
    """Replace each nested dictionary in *text* by its entries, named ``'outer/inner'``."""

    def entries(found: re.Match[str]) -> str:
        return _KEY_BEGINS.sub(lambda quote: f"{quote[0]}{found['key']}/", found["body"])

    before, brace, body = text.partition("{")
    for _ in range(_MAX_DEPTH):
        body, count = _WITHIN.subn(entries, body)
        if not count:
            break
    return before + brace + body


def _split(line: Line) -> Iterator[Line | Refusal]:
    """Yield the dictionaries of one line. One that begins inside another was spliced into it."""
    before, *pieces = _flat(line.text).split("{")
    for piece in pieces:
        body, closed, after = piece.partition("}")
        if closed:
            yield Line(line.number, f"{before}{{{body}}}")
        else:
            yield Refusal(line.number, CUT_SHORT, shown(f"{{{body}"), "two in one line")
        before = after if closed else body


def _row(line: Line, columns: Columns) -> Row | Refusal | None:
    before, _, body = line.text.partition("{")
    pairs = [(found["key"], found["value"]) for found in _PAIR.finditer(body)]
    keys = [key for key, _ in pairs]
    text = shown(line.text)
    if len(set(keys)) < len(keys):
        return Refusal(line.number, CUT_SHORT, text, "a name occurs twice")
    numbers = {key: figure for key, value in pairs if (figure := number(value)) is not None}
    figures, validation = columns.pick(numbers), columns.pick_validation(numbers)
    step, seconds = whole(figures.pop(STEP, None)), figures.pop(TIME, None)
    unread = columns.pick({found["key"]: found["key"] for found in _A_KEY.finditer(body)})
    odd = next((key for name, key in unread.items() if name in COMPONENTS and name not in figures), None)
    if odd is not None:
        return Refusal(line.number, BAD_NUMBER, text, odd)
    if not has_losses(figures):
        return Row(line.number, text, None, {}, validation=validation) if validation else None
    if step is None and (found := _STEP_BEFORE.search(before)):
        step = int(found["step"])
    return Row(
        line.number, text, step, figures, epoch=whole(figures.get("epoch")), seconds=seconds, validation=validation
    )

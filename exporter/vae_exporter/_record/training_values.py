"""What the training steps report: the losses, step by step, and the last value of each gauge."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vae_exporter._record.changes import Changes
from vae_exporter._record.facts import LossFacts
from vae_exporter._record.level import Level
from vae_exporter._record.series import StepSeries
from vae_exporter._record.window_length import WindowLength
from vae_exporter._record.windows import JUDGED, LONG_LAGS, Windows
from vae_exporter.vocabulary import COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vae_exporter._process.loss_definition import LossDefinition
    from vae_exporter._record.facts import ChangeFacts, LevelFacts

REMEMBERED_NONFINITE = 1000
"""How many of the newest NaN and infinite values of a loss are remembered, in case the training goes back."""

FIRST_VALUES = 10
"""How many values the start of a loss is the mean of: a single one says little."""

"""The mean NLL of a simulated training at each step, given that of a sound one and the step of the damage."""

from __future__ import annotations

import numpy as np


def healthy(sound: np.ndarray, _onset: int) -> np.ndarray:
    """Return the NLL of a run to which nothing happens."""
    return sound


def doubling(sound: np.ndarray, onset: int) -> np.ndarray:
    """Return an NLL that doubles each 300 steps, up to 2.5."""
    steps = np.arange(len(sound))
    return np.where(steps > onset, np.minimum(2.5, sound * 2 ** (np.maximum(steps - onset, 0) / 300)), sound)


def jump(sound: np.ndarray, onset: int) -> np.ndarray:
    """Return an NLL that jumps to 0.5."""
    return np.where(np.arange(len(sound)) > onset, 0.5, sound)


def drift(sound: np.ndarray, onset: int) -> np.ndarray:
    """Return an NLL that rises by 0.43 within as many steps as came before."""
    past = np.maximum(np.arange(len(sound)) - onset, 0)
    return np.minimum(0.6, sound + past * 0.43 / onset)


def twelvefold(sound: np.ndarray, onset: int) -> np.ndarray:
    """Return an NLL that rises twelvefold within 600 steps."""
    past = np.maximum(np.arange(len(sound)) - onset, 0)
    return sound * np.minimum(12.0, 1 + 11 * past / 600)


def fivefold(sound: np.ndarray, onset: int) -> np.ndarray:
    """Return an NLL that rises fivefold within 500 steps: more than a run needs to page if the bands do not fit it."""
    past = np.maximum(np.arange(len(sound)) - onset, 0)
    return sound * np.minimum(5.0, 1 + 4 * past / 500)


def lone_outlier(sound: np.ndarray, onset: int) -> np.ndarray:
    """Return a healthy NLL with one batch 50 times as high."""
    return np.where(np.arange(len(sound)) == onset, 50 * sound, sound)


def hard_data(sound: np.ndarray, onset: int) -> np.ndarray:
    """Return an NLL that is at 0.5 for 800 steps, and then sound again."""
    steps = np.arange(len(sound))
    return np.where((steps > onset) & (steps <= onset + 800), 0.5, sound)


def earlier_hard_data(sound: np.ndarray, onset: int) -> np.ndarray:
    """Return a healthy NLL that is at 0.5 for 500 steps, until 200 steps before the onset."""
    steps = np.arange(len(sound))
    return np.where((steps > onset - 700) & (steps <= onset - 200), 0.5, sound)


def next_stage(sound: np.ndarray, onset: int) -> np.ndarray:
    """Return a healthy NLL that begins again at 0.36, as with a higher resolution, and falls to 0.2."""
    past = np.maximum(np.arange(len(sound)) - onset, 0)
    return np.where(past > 0, 0.2 + 0.16 * np.exp(-past / 400), sound)


def doubling_in_a_stage(sound: np.ndarray, onset: int) -> np.ndarray:
    """Return an NLL that doubles each 300 steps from 0.2, the level that its stage has held."""
    return doubling(next_stage(sound, onset // 2), onset)


def slight_rise(sound: np.ndarray, onset: int) -> np.ndarray:
    """Return a healthy NLL that rises by a tenth within 500 steps, the price of a lower KL."""
    past = np.maximum(np.arange(len(sound)) - onset, 0)
    return sound * (1 + 0.1 * np.minimum(1, past / 500))


def slow_rise(sound: np.ndarray, onset: int) -> np.ndarray:
    """Return an NLL that rises by 0.2 within 1,200 steps."""
    past = np.maximum(np.arange(len(sound)) - onset, 0)
    return sound + 0.2 * np.minimum(1, past / 1200)


def swinging(sound: np.ndarray, onset: int) -> np.ndarray:
    """Return an NLL that is six times as high for 150 steps, sound for 40 to 135 steps, and so on."""
    result = sound.copy()
    for number, start in enumerate(range(onset, len(sound), 240)):
        result[start : start + 240 - (40, 90, 135)[number % 3]] *= 6
    return result


def _share(sound: np.ndarray, onset: int) -> np.ndarray:
    """Return how far a change has gone that takes a third of the run."""
    return np.clip((np.arange(len(sound)) - onset) / (len(sound) / 3), 0, 1)


def halving(sound: np.ndarray, onset: int) -> np.ndarray:
    """Return an NLL that halves."""
    return sound * (1 - 0.5 * _share(sound, onset))


def rising_validation(sound: np.ndarray, onset: int) -> np.ndarray:
    """Return the validation of a run that overfits: it rises by half."""
    return 1.1 * sound * (1 + 0.5 * _share(sound, onset))


def level_validation(sound: np.ndarray, _onset: int) -> np.ndarray:
    """Return the validation of a run that memorizes its clips, or of a healthy one: it stays at its level."""
    return 1.1 * sound


def improving_validation(sound: np.ndarray, onset: int) -> np.ndarray:
    """Return the validation of a run that goes on to improve."""
    return 1.1 * halving(sound, onset)

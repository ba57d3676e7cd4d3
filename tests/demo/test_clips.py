from __future__ import annotations

import torch

from vae_exporter.demo.clips import SENSOR_NOISE, MovingShapes


def _clips(seed: int, **settings: int) -> MovingShapes:
    return MovingShapes(torch.Generator().manual_seed(seed), **settings)


def test_a_batch_has_pixels_from_minus_one_to_one() -> None:
    batch = _clips(0, batch_size=3, frames=4, size=16).batch()

    assert batch.shape == (3, 3, 4, 16, 16)
    assert batch.dtype == torch.float32
    assert batch.abs().max() <= 1


def test_the_same_seed_gives_the_same_batches() -> None:
    first, second = _clips(7), _clips(7)

    for _ in range(3):
        assert torch.equal(first.batch(), second.batch())


def test_batches_and_seeds_differ() -> None:
    clips = _clips(7)
    batch = clips.batch()

    assert not torch.equal(batch, clips.batch())
    assert not torch.equal(batch, _clips(8).batch())


def test_the_global_random_state_does_not_change() -> None:
    state = torch.get_rng_state()

    _clips(0).batch()

    assert torch.equal(state, torch.get_rng_state())


def test_the_shapes_move() -> None:
    """The first and the last frame differ by more than the noise."""
    batch = _clips(0, batch_size=32).batch()

    change = (batch[:, :, -1] - batch[:, :, 0]).square().mean()

    assert change > 2 * (2 * SENSOR_NOISE**2)


def test_the_noise_is_independent_in_each_frame() -> None:
    """In the still corners of the frame, consecutive frames differ by two independent draws of the noise."""
    corner = _clips(0, batch_size=256).batch()[:, :, :, :2, :2]

    change = (corner[:, :, 1:] - corner[:, :, :-1]).square().flatten(1).mean(dim=1).median()

    torch.testing.assert_close(change, torch.tensor(2 * SENSOR_NOISE**2), rtol=0.1, atol=0)

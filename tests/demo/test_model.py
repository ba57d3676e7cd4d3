from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vae_exporter.demo.model import LOGVAR_RANGE, CausalConv3d, CausalVideoVae, DiagonalGaussian

FRAMES = 5


@pytest.fixture
def model() -> CausalVideoVae:
    """A model with random weights everywhere. The residual blocks of a new model are identities."""
    generator = torch.Generator().manual_seed(0)
    model = CausalVideoVae()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model


def _clips() -> Tensor:
    return torch.rand((2, 3, FRAMES, 24, 24), generator=torch.Generator().manual_seed(0)) * 2 - 1


def _reconstruct(model: CausalVideoVae, clips: Tensor) -> Tensor:
    """Encode and decode the mean, without sampling noise."""
    with torch.no_grad():
        return model.decode(model.encode(clips).mean)


def test_the_output_has_the_shape_of_the_input(model: CausalVideoVae) -> None:
    assert _reconstruct(model, _clips()).shape == _clips().shape


def test_latents_have_a_quarter_of_the_height_and_width_of_a_frame(model: CausalVideoVae) -> None:
    posterior = model.encode(_clips())

    assert posterior.mean.shape == posterior.logvar.shape == (2, 4, FRAMES, 6, 6)


@pytest.mark.parametrize("last", range(FRAMES - 1))
def test_no_output_frame_depends_on_a_later_input_frame(model: CausalVideoVae, last: int) -> None:
    clips = _clips()
    changed = clips.clone()
    changed[:, :, last + 1 :] = 1 - changed[:, :, last + 1 :]

    before, after = _reconstruct(model, clips), _reconstruct(model, changed)

    torch.testing.assert_close(before[:, :, : last + 1], after[:, :, : last + 1], rtol=0, atol=1e-6)
    assert (before[:, :, last + 1] - after[:, :, last + 1]).abs().max() > 1e-3


def test_an_output_frame_depends_on_earlier_input_frames(model: CausalVideoVae) -> None:
    clips = _clips()
    changed = clips.clone()
    changed[:, :, 0] = 1 - changed[:, :, 0]

    difference = (_reconstruct(model, clips) - _reconstruct(model, changed)).abs()

    assert difference[:, :, 1].max() > 1e-3


def test_a_still_video_stays_still(model: CausalVideoVae) -> None:
    """The padding before the first frame is a copy of that frame, not black."""
    still = _clips()[:, :, :1].expand(-1, -1, FRAMES, -1, -1)

    outputs = _reconstruct(model, still)

    torch.testing.assert_close(outputs, outputs[:, :, :1].expand_as(outputs), rtol=0, atol=1e-5)


def test_a_causal_convolution_keeps_the_number_of_frames() -> None:
    assert CausalConv3d(3, 6)(_clips()).shape == (2, 6, FRAMES, 24, 24)


def test_an_output_can_leave_the_range_of_a_pixel(model: CausalVideoVae) -> None:
    """A bounded output would hide that a run diverges."""
    last = model.decoder[-1]
    assert isinstance(last, CausalConv3d)
    with torch.no_grad():
        last.weight *= 100

    assert _reconstruct(model, _clips()).abs().max() > 2


@pytest.mark.parametrize(("bias", "expected"), [(1e3, LOGVAR_RANGE[1]), (-1e3, LOGVAR_RANGE[0])])
def test_the_log_variance_is_clamped(model: CausalVideoVae, bias: float, expected: float) -> None:
    last = model.encoder[-1]
    assert isinstance(last, CausalConv3d)
    assert last.bias is not None
    with torch.no_grad():
        last.bias.fill_(bias)

    assert (model.encode(_clips()).logvar == expected).all()


def test_the_kl_of_the_prior_is_zero() -> None:
    latents = torch.zeros((2, 4, 1, 6, 6))

    assert DiagonalGaussian(latents, latents).kl().tolist() == [0, 0]


def test_the_kl_is_that_of_torch_summed_over_a_clip() -> None:
    generator = torch.Generator().manual_seed(0)
    mean, logvar = (torch.randn((2, 4, 5, 6, 6), generator=generator) for _ in range(2))
    normal = torch.distributions.Normal(mean, (0.5 * logvar).exp())
    prior = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))

    expected = torch.distributions.kl_divergence(normal, prior).sum(dim=(1, 2, 3, 4))

    torch.testing.assert_close(DiagonalGaussian(mean, logvar).kl(), expected)


def test_a_sample_has_the_mean_and_variance_of_the_posterior() -> None:
    shape = (100_000,)
    posterior = DiagonalGaussian(torch.full(shape, 3.0), torch.full(shape, 4.0).log())

    sample = posterior.sample(torch.Generator().manual_seed(0))

    torch.testing.assert_close(sample.mean(), torch.tensor(3.0), rtol=0, atol=0.05)
    torch.testing.assert_close(sample.var(), torch.tensor(4.0), rtol=0, atol=0.1)

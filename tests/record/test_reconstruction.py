"""Reconstruction quality on real tensors, and the cost of computing it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
from frames import blurred, shapes, texture
from torch.utils._python_dispatch import TorchDispatchMode

from vae_exporter._process.failures import Failures
from vae_exporter._record.comparisons import Comparisons
from vae_exporter._record.reconstruction import MAX_DECIBELS, MAX_EDGE, MAX_VALUES, ratios, sample
from vae_exporter.demo.clips import SENSOR_NOISE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BLURS = (0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0)
"""Standard deviations of Gaussian kernels, in pixels."""


CLIPS = [pytest.param(shapes(), id="shapes"), pytest.param(texture(), id="texture")]


def compared(inputs: torch.Tensor, outputs: torch.Tensor, data_range: float = 2.0) -> dict[str, float]:
    return {name: float(value) for name, value in ratios(torch, inputs, outputs, data_range).items()}


class TestRatios:
    @pytest.mark.parametrize("clip", CLIPS)
    def test_the_more_blur_the_less_sharp(self, clip: torch.Tensor) -> None:
        sharpness = [compared(clip, blurred(clip, sigma))["sharpness_ratio"] for sigma in BLURS]
        assert sharpness == sorted(sharpness, reverse=True)
        assert len(set(sharpness)) == len(BLURS)
        assert 0 < sharpness[-1] < 0.4
        assert 0.9 < sharpness[0] < 1

    @pytest.mark.parametrize("clip", CLIPS)
    def test_the_edge_of_blurry_separates_an_invisible_blur_from_an_obvious_one(self, clip: torch.Tensor) -> None:
        """The edge in the rules is 0.6."""
        assert compared(clip, blurred(clip, 0.5))["sharpness_ratio"] > 0.8
        assert compared(clip, blurred(clip, 2.0))["sharpness_ratio"] < 0.5

    @pytest.mark.parametrize("clip", CLIPS)
    def test_a_faithful_output(self, clip: torch.Tensor) -> None:
        assert compared(clip, clip.clone()) == {
            "sharpness_ratio": 1.0,
            "contrast_ratio": 1.0,
            "psnr_decibels": MAX_DECIBELS,
        }

    @pytest.mark.parametrize("level", [-1.0, 0.0, 0.3], ids=["black", "gray", "light-gray"])
    def test_a_uniform_frame_has_neither_contrast_nor_sharpness(self, level: float) -> None:
        result = compared(shapes(), torch.full_like(shapes(), level))
        assert result["contrast_ratio"] == pytest.approx(0, abs=1e-6)
        assert result["sharpness_ratio"] == pytest.approx(0, abs=1e-6)
        assert result["psnr_decibels"] < 20

    def test_uniform_frames_that_differ_have_no_contrast(self) -> None:
        clip = shapes()
        means = clip.mean(dim=(-2, -1), keepdim=True).expand_as(clip)
        assert means.std() > 0.1
        assert compared(clip, means)["contrast_ratio"] == pytest.approx(0, abs=1e-6)

    def test_another_clip_has_the_same_contrast_but_a_low_psnr(self) -> None:
        """Like a memorized clip: only the PSNR distinguishes it from a faithful reconstruction."""
        result = compared(texture(0), texture(1))
        assert result["contrast_ratio"] == pytest.approx(1, abs=0.1)
        assert result["sharpness_ratio"] == pytest.approx(1, abs=0.1)
        assert result["psnr_decibels"] < 15

    def test_half_as_steep_is_half_as_sharp_and_half_the_contrast(self) -> None:
        result = compared(texture(), 0.1 + texture() / 2)
        assert result["sharpness_ratio"] == pytest.approx(0.5, rel=1e-5)
        assert result["contrast_ratio"] == pytest.approx(0.5, rel=1e-5)

    def test_added_noise_is_sharper_than_the_inputs(self) -> None:
        noise = 0.3 * torch.randn(texture().shape, generator=torch.Generator().manual_seed(1))
        assert compared(texture(), texture() + noise)["sharpness_ratio"] > 1.2

    def test_a_loss_of_noise_counts_little(self) -> None:
        """A VAE does not reproduce noise. With a difference of two pixels as gradient, the ratio would be halved."""
        clean = blurred(shapes(size=24), 1.0)
        noise = SENSOR_NOISE * torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))
        assert compared(clean + noise, clean)["sharpness_ratio"] > 0.8

    def test_a_pixel_grid_does_not_count_as_sharpness(self) -> None:
        """The artifact of a transposed convolution is not mistaken for detail."""
        grid = 0.3 * (-1.0) ** torch.arange(64)
        without, under = (
            compared(shapes(), outputs) for outputs in (blurred(shapes(), 2.0), blurred(shapes(), 2.0) + grid)
        )
        assert under["sharpness_ratio"] == pytest.approx(without["sharpness_ratio"], rel=1e-4)
        assert under["contrast_ratio"] > 1.1 * without["contrast_ratio"]

    @pytest.mark.parametrize(
        ("error", "data_range", "decibels"), [(0.2, 2.0, 20.0), (0.1, 1.0, 20.0), (0.02, 2.0, 40.0)]
    )
    def test_the_psnr(self, error: float, data_range: float, decibels: float) -> None:
        clip = shapes()
        assert compared(clip, clip + error, data_range)["psnr_decibels"] == pytest.approx(decibels, abs=1e-3)

    def test_flat_inputs_have_a_psnr_but_no_ratios(self) -> None:
        """A clip that has faded to black has nothing to compare with. Rounding errors are not detail."""
        flat = torch.full((1, 3, 2, 32, 32), 0.3)
        for inputs in (flat, flat + 1e-4 * torch.rand(flat.shape)):
            result = compared(inputs, shapes(size=32)[:1, :, :2])
            assert math.isnan(result["sharpness_ratio"])
            assert math.isnan(result["contrast_ratio"])
            assert math.isfinite(result["psnr_decibels"])

    def test_nonfinite_outputs_have_no_finite_result(self) -> None:
        clip = shapes()
        outputs = clip.clone()
        outputs[:, :, :, 32, 32] = math.nan
        assert not any(map(math.isfinite, compared(clip, outputs).values()))


class TestForms:
    """The results do not depend on the layout of the frames."""

    EXPECTED = compared(shapes(), blurred(shapes(), 1.0))

    @pytest.mark.parametrize(
        "form",
        [
            pytest.param(lambda clip: clip, id="B-C-T-H-W"),
            pytest.param(lambda clip: clip.transpose(1, 2), id="B-T-C-H-W"),
            pytest.param(lambda clip: clip.transpose(1, 2).flatten(0, 1), id="BT-C-H-W"),
            pytest.param(lambda clip: clip.contiguous(memory_format=torch.channels_last_3d), id="channels-last"),
            pytest.param(lambda clip: clip.double(), id="float64"),
            pytest.param(lambda clip: clip.clone().requires_grad_(), id="with-gradient"),
        ],
    )
    def test_shape_memory_and_dtype(self, form: Callable[[torch.Tensor], torch.Tensor]) -> None:
        result = ratios(torch, form(shapes()), form(blurred(shapes(), 1.0)), 2.0)
        assert {name: float(value) for name, value in result.items()} == pytest.approx(self.EXPECTED, rel=1e-4)
        assert all(value.shape == () and value.dtype == torch.float32 for value in result.values())
        assert not any(value.requires_grad for value in result.values())

    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
    def test_outputs_in_half_precision(self, dtype: torch.dtype) -> None:
        result = compared(shapes(), blurred(shapes(), 1.0).to(dtype))
        assert result == pytest.approx(self.EXPECTED, rel=0.01)

    def test_autocast_changes_nothing(self) -> None:
        inputs, outputs = shapes(), blurred(shapes(), 1.0)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert torch.mm(torch.ones(2, 2), torch.ones(2, 2)).dtype == torch.bfloat16
            assert compared(inputs, outputs) == self.EXPECTED

    def test_the_default_device_does_not_matter(self) -> None:
        inputs, outputs = shapes(), blurred(shapes(), 1.0)
        with torch.device("meta"):
            assert compared(inputs, outputs) == self.EXPECTED

    def test_a_single_frame_of_one_colour(self) -> None:
        frame = texture()[0, 0]
        assert compared(frame, frame / 2)["contrast_ratio"] == pytest.approx(0.5)


class NeverWaits(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's
    """Fails if a value is read, a shape depends on a value, or more memory is used than a sample needs."""

    READS = ("item", "_local_scalar_dense", "is_nonzero", "nonzero", "equal", "masked_select", "index", "unique")

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.largest = 0  # bytes of one tensor's memory

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401 - any of torch's
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        del types
        name = func.__name__.partition(".")[0]
        assert name not in self.READS, f"{name} waits for the device"
        assert isinstance(args[0], torch.Tensor), f"{name} copies from the host, and waits for the device"
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (tuple, list)) else [result]:
            assert tensor.device == args[0].device, f"{name} moves to another device"
            self.largest = max(self.largest, tensor.untyped_storage().nbytes())
            assert self.largest <= 4 * MAX_VALUES, f"{name} takes {self.largest} bytes"
        return result


class TestCost:
    @pytest.mark.parametrize(
        "wait",
        [
            lambda x: x.sum().item(),
            lambda x: bool(x.sum() > 1),
            lambda x: x[x > 1],
            lambda x: torch.where(x > 1, x, 0.0),
        ],
        ids=["item", "bool", "shape", "scalar"],
    )
    def test_never_waits_detects_waiting(self, wait: Callable[[torch.Tensor], object]) -> None:
        ones = torch.ones(2)
        with pytest.raises(AssertionError, match=r"waits? for the device"), NeverWaits():
            wait(ones)

    def test_it_never_waits_for_the_device(self) -> None:
        inputs, outputs = shapes().requires_grad_(), blurred(shapes(), 1.0)
        with NeverWaits():
            result = Comparisons(Failures()).compare(inputs, outputs, 2.0)
        assert result
        assert len(result) == 3

    def test_its_memory_is_bounded(self) -> None:
        """The inputs have as many values as fit in a gigabyte, in the memory of one value."""
        huge = torch.full((), 0.5, dtype=torch.float64).expand(5, 3, 17, 1024, 1024)
        with NeverWaits() as watched:
            ratios(torch, huge, huge, 2.0)
        assert watched.largest > MAX_VALUES

    @pytest.mark.parametrize(
        ("shape", "expected"),
        [
            ((1, 3, 17, 256, 256), (1, 3, 5, 256, 256)),
            ((4, 3, 17, 720, 1280), (2, 3, 3, 256, 256)),
            ((4, 17, 3, 720, 1280), (2, 3, 3, 256, 256)),
            ((64, 3, 512, 512), (8, 3, 256, 256)),
            ((8, 3, 5, 24, 24), (8, 3, 5, 24, 24)),
            ((1, 3, 16, 100, 1000), (1, 3, 16, 100, 256)),
            ((1_000_000, 256, 256), (16, 256, 256)),
            ((2000, 2000), (256, 256)),
        ],
        ids=str,
    )
    def test_the_shape_of_the_sample(self, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
        sampled = sample(torch.zeros(()).expand(shape))
        assert tuple(sampled.shape) == expected
        assert sampled.numel() <= MAX_VALUES

    def test_the_sample_is_the_center_at_full_resolution(self) -> None:
        frame = torch.arange(300.0 * 400).view(300, 400)
        assert torch.equal(sample(frame), frame[22:278, 72:328])
        assert MAX_EDGE == 256

    def test_sampled_frames_are_evenly_spaced(self) -> None:
        clip = torch.arange(17.0).view(1, 1, 17, 1, 1).expand(4, 3, 17, 256, 256)
        assert sample(clip)[0, 0, :, 0, 0].tolist() == [0, 8, 16]

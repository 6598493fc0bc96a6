"""Latent codes: the table and the image encoder."""

from __future__ import annotations

import math

import pytest
import torch

from dymap.field.codes import CORRELATED_FRAMES, CodeDistribution, CodeTable, ImageEncoder


def test_table_returns_rows() -> None:
    table = CodeTable(5, 3)
    assert torch.equal(table(2), table.weight[2])
    assert table.weight.shape == (5, 3)


def test_codes_of_a_quick_start_are_normal_and_alike_for_a_few_frames() -> None:
    torch.manual_seed(0)
    table = CodeTable(40, 4000)
    table.quick_start()
    codes = table.weight.detach()
    torch.testing.assert_close(codes.mean(1), torch.zeros(40), atol=0.08, rtol=0)
    torch.testing.assert_close(codes.std(1), torch.ones(40), atol=0.08, rtol=0)
    for distance in (1, 4, 8, 20):
        expected = math.exp(-(distance**2) / (2 * CORRELATED_FRAMES**2))
        found = (codes[0] * codes[distance]).mean()
        torch.testing.assert_close(found, torch.tensor(expected), atol=0.08, rtol=0)


def test_kl_agrees_with_torch_distributions() -> None:
    mu, logstd = torch.randn(4, 7), torch.randn(4, 7)
    expected = torch.distributions.kl_divergence(
        torch.distributions.Normal(mu, logstd.exp()), torch.distributions.Normal(0.0, 1.0)
    ).mean(-1)
    torch.testing.assert_close(CodeDistribution(mu, logstd).kl(), expected)
    assert CodeDistribution(torch.zeros(1, 3), torch.zeros(1, 3)).kl().item() == 0


def test_samples_have_the_distribution_they_say() -> None:
    codes = CodeDistribution(torch.tensor([[1.0, -2.0]]), torch.tensor([[0.5, -1.0]]))
    drawn = codes.sample(torch.randn(100_000, 2))
    torch.testing.assert_close(drawn.mean(0), codes.mu[0], atol=0.02, rtol=0)
    torch.testing.assert_close(drawn.std(0), codes.logstd[0].exp(), atol=0.02, rtol=0)
    assert torch.equal(codes.sample(torch.zeros(1, 2)), codes.mu)


@pytest.fixture(scope="module")
def encoder() -> ImageEncoder:
    torch.manual_seed(3)
    return ImageEncoder(2, 8).eval()


@torch.no_grad()
def test_encoder_shapes_and_batches(encoder: ImageEncoder) -> None:
    images = torch.randn(2, 6, 512, 512)
    codes = encoder(images)
    assert codes.mu.shape == codes.logstd.shape == (2, 8)
    torch.testing.assert_close(encoder(images[1:]).mu, codes.mu[1:], atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_cameras_share_one_stack_and_keep_their_order(encoder: ImageEncoder) -> None:
    """Swapping two cameras' images swaps their halves of the mixing layer's input."""
    images = torch.randn(1, 6, 512, 512)
    seen: list[torch.Tensor] = []
    hook = encoder.mix.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    encoder(images)
    encoder(images.roll(3, dims=1))
    hook.remove()
    half = seen[0].shape[1] // 2
    assert half == 256 * 4 * 4
    torch.testing.assert_close(seen[1], seen[0].roll(half, dims=1))


def test_outputs_are_scaled() -> None:
    """mu * 0.1 and logstd * 0.01 of layers with zero weights show in their biases."""
    encoder = ImageEncoder(1, 4)
    with torch.no_grad():
        for head in (encoder.mu, encoder.logstd):
            head.weight.zero_()
            head.bias.fill_(1.0)
        codes = encoder(torch.zeros(1, 3, 512, 512))
    torch.testing.assert_close(codes.mu, torch.full((1, 4), 0.1))
    torch.testing.assert_close(codes.logstd, torch.full((1, 4), 0.01))


@pytest.mark.parametrize("shape", [(1, 3, 512, 512), (1, 6, 256, 256), (6, 512, 512)])
def test_wrong_images_are_refused(encoder: ImageEncoder, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected \[B, \(6, 512, 512\)\]"):
        encoder(torch.zeros(shape))

"""CinCGAN's terms: least-squares GAN on scores, and total variation."""

from torch import Tensor


def generator_ls(scores_fake: Tensor, real_label: float) -> Tensor:
    """Mean over the patch map of (score - label of real)^2: small when the discriminator takes the image for real."""
    return (scores_fake - real_label).square().mean()


def discriminator_ls(scores_real: Tensor, scores_fake: Tensor, real_label: float) -> Tensor:
    """Squared distance of real scores to their label plus that of fake scores to 0."""
    return (scores_real - real_label).square().mean() + scores_fake.square().mean()


def total_variation(image: Tensor) -> Tensor:
    """Mean squared difference of neighbouring rows plus that of neighbouring columns, (N, C, H, W)."""
    rows, columns = image.diff(dim=2), image.diff(dim=3)
    return rows.square().mean() + columns.square().mean()

"""VAE run: whether it is healthy, and if not, why and what to do."""

from vae_dashboards.board import Board, Row, ranks, runs
from vae_dashboards.run.checks import confidence, latents, stability, the_sum
from vae_dashboards.run.glance import alerts, at_a_glance
from vae_dashboards.run.marks import marks
from vae_dashboards.run.resources import memory, optimizer, other_values


def run() -> Board:
    """Return the dashboard of a run."""
    return Board(
        uid="vae-run",
        title="VAE run",
        description="Whether the run is healthy, and if not, why and what to do. Each run has its own top row.",
        variables=[runs(), ranks()],
        annotations=marks(),
        rows=[
            Row("Run $run", at_a_glance(), repeat="run"),
            Row("Alerts", alerts()),
            Row("A · Sum: what the NLL of $run consists of, and which part made it rise", the_sum(), repeat="run"),
            Row("B · Stability: does the NLL rise, explode or spike?", stability()),
            Row("C · Confidence: are the reconstructions as good as the NLL?", confidence()),
            Row("KL and discriminator", latents()),
            Row("Optimizer and speed", optimizer()),
            Row("GPU memory", memory()),
            Row("Other values", other_values()),
        ],
    )

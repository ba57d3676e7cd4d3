"""VAE run: is it healthy; if not, why, and what is to be done."""

from vae_dashboards.board import Board, Row, ranks, runs
from vae_dashboards.run.checks import confidence, latents, stability, the_sum
from vae_dashboards.run.glance import alerts, at_a_glance
from vae_dashboards.run.marks import marks
from vae_dashboards.run.resources import memory, optimizer


def run() -> Board:
    """Return the dashboard of a run."""
    return Board(
        uid="vae-run",
        title="VAE run",
        description="Is this run healthy; if not, why, and what is to be done. Of several runs each has a top row.",
        variables=[runs(), ranks()],
        annotations=marks(),
        rows=[
            Row("Run $run", at_a_glance(), repeat="run"),
            Row("Alerts", alerts()),
            Row("A · The sum: what the NLL of $run is made of, and which part made it rise", the_sum(), repeat="run"),
            Row("B · Stability: does it rise, explode or spike", stability()),
            Row("C · Confidence: is the picture as good as the NLL", confidence()),
            Row("KL and discriminator", latents()),
            Row("Optimizer and speed", optimizer()),
            Row("GPU memory", memory()),
        ],
    )

"""VAE run: whether it is healthy, and if not, why and what to do."""

from vae_dashboards.board import Board, Row, ranks, runs, runs_before
from vae_dashboards.run.checks import confidence, latents, stability, the_sum
from vae_dashboards.run.glance import at_a_glance
from vae_dashboards.run.marks import marks
from vae_dashboards.run.pictures import pictures
from vae_dashboards.run.resources import memory, optimizer, other_values


def run(*, has_pictures: bool = False) -> Board:
    """Return the dashboard of a run.

    Every row is of one run, which its heading names, so no legend has to. The browser of whoever opens the dashboard
    loads the pictures from where the runs say, so a site decides whether it *has_pictures*.
    """
    rows = {
        "Run $run": at_a_glance(),
        **({"Pictures of $run": pictures()} if has_pictures else {}),
        "A · Sum: the parts of the NLL of $run": the_sum(),
        "B · Stability of the NLL of $run": stability(),
        "C · Confidence in the outputs of $run": confidence(),
        "KL and discriminator of $run": latents(),
        "Optimizer and speed of $run": optimizer(),
        "GPU memory of $run": memory(),
        "Other values of $run": other_values(),
    }
    return Board(
        uid="vae-run",
        title="VAE run",
        description="Whether the run is healthy, and if not, why and what to do. Each run has its own rows.",
        variables=[runs(), ranks(), runs_before()],
        annotations=marks(),
        rows=[Row(title, panels, repeat="run") for title, panels in rows.items()],
    )

"""The Prometheus rules as code: handwritten PromQL and text, without repetition.

`make rules` writes prometheus/rules, the same rules for deploy/kubernetes, Alertmanager's configurations and the tables
of docs/judging.md.
"""

from vae_rules.gpu import GPU
from vae_rules.liveness import LIVENESS
from vae_rules.training import TRAINING

FILES = (TRAINING, LIVENESS, GPU)

__all__ = ["FILES"]

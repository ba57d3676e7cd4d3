"""What to do if a panel of the run has no data."""

from vae_exporter.vocabulary import NLL_PARTS

HUNDRED_STEPS = "It appears after the first 100 steps."
AFTER_HUNDRED_STEPS = "After 100 steps"
WEIGHTS = f"Set TrainingExporter(loss_weights=), and pass {' and '.join(NLL_PARTS)} to observe()."
RECONSTRUCTION = "Call exporter.observe_reconstruction(step, inputs, outputs) in the training loop."
GPU = "The run uses no NVIDIA GPU, or the driver does not respond."

"""What to do if a panel of the run has no data."""

HUNDRED_STEPS = "It appears after the first 100 steps."
AFTER_HUNDRED_STEPS = "After 100 steps"
WEIGHTS = "Set TrainingExporter(loss_weights=), and pass rec and perception to observe()."
RECONSTRUCTION = "Call exporter.observe_reconstruction(step, inputs, outputs) in the training loop."
GPU = "The run uses no NVIDIA GPU, or the driver does not respond."

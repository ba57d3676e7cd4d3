"""What would fill a panel of the run that has no data."""

HUNDRED_STEPS = "No data yet: it comes with the first 100 steps of a run."
WEIGHTS = "No data: give TrainingExporter loss_weights, and observe rec and perception."
RECONSTRUCTION = "No data: call exporter.observe_reconstruction(step, inputs, outputs) in the loop."
GPU = "No data: the run uses no NVIDIA GPU, or its driver does not answer."

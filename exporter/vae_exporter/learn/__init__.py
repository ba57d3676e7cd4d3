"""Learn from a run that a person calls good: the edges of the NLL's bands, and what later runs compare themselves with.

`GoodRun` is what the rules have recorded about it. `from_log` and `from_prometheus` fill it, and `bands.learned`
derives the content of the file that ``TrainingExporter(band_edges=)`` reads. ``TrainingExporter(baseline=)`` reads its
course.
"""

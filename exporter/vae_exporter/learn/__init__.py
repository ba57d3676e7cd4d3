"""Learn the edges of the NLL's bands from a run that a person calls good.

`GoodRun` is what the rules have recorded about it. `from_log` and `from_prometheus` fill it, and `bands.learned`
derives the content of the file that ``TrainingExporter(band_edges=)`` reads.
"""

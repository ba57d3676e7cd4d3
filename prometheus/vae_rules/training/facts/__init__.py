"""The first layer: facts about a run, one series per fact and one value per run.

Only this layer aggregates over ranks and names the labels that identify a run. All later series have the same labels,
so they compare without ``on``, and you can query each by name.
"""

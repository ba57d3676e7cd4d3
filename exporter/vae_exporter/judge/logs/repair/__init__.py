"""The repair of logs, one step a module, in the order in which rows pass through them.

* `repeats` refuses rows that were pasted twice.
* `weights` fits the loss weights that the user did not give.
* `contradictions` refuses rows whose losses do not add up, because they were made of two lines.
* `misplaced` refuses rows whose figures belong to another step.
* `means` turns the running means and medians of a MetricLogger into losses by step.

A row is used or refused as a whole, and each refusal has a reason. Of the figures, only those of a MetricLogger are
changed: a median becomes the mean of the same steps, and where a median stays, rec and perception are scaled together
to add up to the NLL. No row is refused for a high, low or non-finite loss, moved to another step, or corrected.
docs/log-repair.md describes this for users.
"""

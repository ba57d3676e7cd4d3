"""Refuse damaged rows of logs, and turn the others into losses by step.

Rows pass through these modules in order:

* `repeats` refuses rows that were pasted twice.
* `rounded` spreads rows whose step is printed rounded.
* `running` finds out whether printed means run since the start of the epoch.
* `weights` fits the loss weights that the user did not pass.
* `contradictions` refuses rows whose losses do not add up, because two lines were spliced.
* `misplaced` refuses rows whose values belong to another step.
* `means` turns running means, and the medians of a MetricLogger, into losses by step.

Each row is used or refused as a whole, and each refusal has a reason. Only values with a running mean are changed: a
median is replaced by the mean of the same steps, or, if it is kept, rec and perception are scaled together to add up to
the NLL. No row is corrected, moved to another step, or refused because a loss is high, low or non-finite.
docs/log-repair.md describes this for users.
"""

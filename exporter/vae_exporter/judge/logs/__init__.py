"""From a log file to the losses by step.

`reading` gives lines, `detection` chooses a parser of `formats`, which gives `rows` by the `columns` that it knows,
`runs` tells runs and resumes apart, and `repair` refuses damaged rows. `logged_run` puts all of this together.
"""

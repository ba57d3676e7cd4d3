"""Read losses by step from log files.

`reading` reads lines, and `detection` chooses one of the parsers in `formats`, which finds the values by their
`columns` and makes `rows`. `runs` splits the rows into runs, and `repair` refuses damaged ones. `logged_run` combines
these steps.
"""

"""Runs that are over, from the logs that people have: judged by the shipped rules, or served as if they trained now.

The way of the data: `reading` gives lines, a parser of `formats`, which `detection` has chosen, gives rows, `repeats`
and `runs` tell pastes, runs and resumes apart, `contradictions` and `misplaced` refuse rows that mix two, `means` gives
losses a step; `log` is all of that. Then `simulation` has the real exporter scraped on a simulated clock, `engine` has
Prometheus' own tool evaluate the rules, and `judgement` reads what came of it.
"""

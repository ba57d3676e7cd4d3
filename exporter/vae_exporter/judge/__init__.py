"""Judge past runs from their logs with the shipped rules, or replay them as if they were training now.

`logs` reads losses by step from a log. `simulation` exports them on a simulated clock, `engine` evaluates the rules in
promtool, `judgement` summarizes the result, and `printing` shows it. `replay` serves the losses at /metrics instead.
"""

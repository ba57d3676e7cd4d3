"""Runs that are over: judged by the shipped rules from the logs that people have, or served as if they trained now.

`logs` turns a log into losses by step. `simulation` exports them on a simulated clock, `engine` has Prometheus' own
tool evaluate the rules, and `judgement` reads the result, which `printing` shows. `replay` serves the losses instead.
"""

"""Simulated trainings, healthy and damaged, judged by the shipped rules through the real exporter.

``make simulate`` runs all of them and prints how often a page was false, missed or late. tests/rules judges a part.
"""

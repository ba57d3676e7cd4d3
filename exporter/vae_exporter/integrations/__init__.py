"""Adapters for trainers, one module each, which imports the library of the trainer. See docs/integrations.md."""

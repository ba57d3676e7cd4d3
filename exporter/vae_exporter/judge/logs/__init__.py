"""From a log file to the losses by step: reading, the format, the columns, the runs, the repair."""

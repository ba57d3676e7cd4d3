#!/usr/bin/env python3
"""A program that answers like nvidia-smi, from the JSON file in NVIDIA_SMI_ANSWERS: the fields of each query."""

import json
import os
import sys
from pathlib import Path

answers = json.loads(Path(os.environ["NVIDIA_SMI_ANSWERS"]).read_text())
output = []
for argument in sys.argv[1:]:
    kind = argument.partition("=")[0].removeprefix("--help-").removeprefix("--").removeprefix("query-")
    if argument == "-L":
        output.append(answers["list"])
    elif argument.startswith("--help-query-"):
        output += [f'"{name}"\nWhat {name} is.\n' for name in answers[kind]]
    elif argument.startswith("--query-"):
        names = argument.partition("=")[2].split(",")
        unknown = [name for name in names if name not in answers[kind]]
        if unknown:
            sys.stdout.write(f'Field "{unknown[0]}" is not a valid field to query.\n')
            sys.exit(2)
        output.append(", ".join(answers[kind][name] for name in names))
sys.stdout.write("\n".join([*output, ""]))

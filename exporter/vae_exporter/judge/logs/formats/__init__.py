"""One parser a file. Each makes rows of lines: `Row` for what it understands, `Refusal` for what it cannot use."""

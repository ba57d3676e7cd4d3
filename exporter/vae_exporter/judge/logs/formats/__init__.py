"""The parsers, one per file. Each yields a `Row` for what it can parse, and a `Refusal` for damaged rows."""

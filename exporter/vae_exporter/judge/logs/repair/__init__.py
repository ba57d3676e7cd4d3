"""The repair of logs: damaged rows are refused, and printed means become losses by step."""

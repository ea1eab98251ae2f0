"""What one salute, one change, one page and one look at a shard cost, for `python -m server plan`. `make bench-plan` runs it."""

"""What a training step reports, kept until a scrape asks: nothing here waits, and nothing here serves."""

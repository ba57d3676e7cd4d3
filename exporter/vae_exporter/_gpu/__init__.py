"""The GPU's memory and health: read by one thread, kept, and served to scrapes without a call to the driver."""

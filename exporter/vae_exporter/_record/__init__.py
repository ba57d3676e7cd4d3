"""Records what the training loop observes until a scrape reads it. Nothing here waits for a device."""

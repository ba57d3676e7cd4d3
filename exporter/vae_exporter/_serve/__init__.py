"""What a scrape gets: the endpoint, the registry behind it, and one collector a subject."""

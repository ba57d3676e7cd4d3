"""The checks of ``vae-exporter doctor``: the chain from the run to the page. `checks` lists them."""

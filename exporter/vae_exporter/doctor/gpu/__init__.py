"""The checks of ``vae-exporter doctor --gpu``. `checks` lists them."""

"""TEMPORARY until the rooms are merged."""

NLL_PARTS = ("rec", "perception")


def one_of(*names: str) -> str:
    return "|".join(names)

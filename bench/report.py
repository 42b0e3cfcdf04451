"""How a figure is printed."""

import json


def figure(name: str, value: float, unit: str, size: str) -> None:
    """Print one figure as one JSON line."""
    print(
        json.dumps({"name": name, "value": round(value, 3), "unit": unit, "size": size}), flush=True
    )

"""Amounts of CPU, memory and GPUs: add, subtract, compare."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What a replica asks for, or a node offers. CPU in cores, memory in bytes, whole GPUs."""

    cpu_cores: float = 0.0
    memory_bytes: float = 0.0
    gpus: float = 0.0

    def __add__(self, other: "Resources") -> "Resources":
        return Resources(
            cpu_cores=self.cpu_cores + other.cpu_cores,
            memory_bytes=self.memory_bytes + other.memory_bytes,
            gpus=self.gpus + other.gpus,
        )

    def __sub__(self, other: "Resources") -> "Resources":
        return self + other * -1

    def __mul__(self, factor: float) -> "Resources":
        return Resources(
            cpu_cores=self.cpu_cores * factor,
            memory_bytes=self.memory_bytes * factor,
            gpus=self.gpus * factor,
        )

    def fits_in(self, room: "Resources") -> bool:
        """Tell whether this amount fits into that room, with a tolerance of rounding."""
        return (
            self.cpu_cores <= room.cpu_cores + 1e-9
            and self.memory_bytes <= room.memory_bytes + 1.0
            and self.gpus <= room.gpus + 1e-9
        )

"""Templates in folders: every YAML file of one, in the order of their names."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from services.act.core.objects import Object
from shared.errors import PermanentError


@dataclass(frozen=True, slots=True)
class TemplateFolders:
    """One folder, with a folder for each template."""

    root: Path

    def load(self, name: str) -> tuple[Object, ...]:
        """Return the manifests of a template. PermanentError: they cannot be read."""
        folder = self.root / name
        files = sorted((*folder.glob("*.yaml"), *folder.glob("*.yml")))
        if not files:
            raise PermanentError(f"template {name}: there is no YAML file in {folder}")
        try:
            documents = [d for file in files for d in yaml.safe_load_all(file.read_text())]
        except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
            raise PermanentError(f"template {name} cannot be read: {error}") from error
        wrong = [d for d in documents if d is not None and not isinstance(d, dict)]
        if wrong:
            raise PermanentError(f"template {name} holds {wrong[0]!r}, which is no manifest")
        return tuple(d for d in documents if d)

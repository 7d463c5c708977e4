"""Data are looked for in one folder, and what was decoded is kept in another."""

import os
from pathlib import Path

from platformdirs import user_cache_path


def data_folder() -> Path:
    """Where data sets are found and downloaded to: $FAIRTRIAL_DATA, or a folder in the user's cache."""
    named = os.environ.get("FAIRTRIAL_DATA")
    return Path(named).expanduser() if named else user_cache_path("fairtrial") / "data"


def cache_folder() -> Path:
    """Where decoded images are kept: $FAIRTRIAL_CACHE, or a folder in the user's cache."""
    named = os.environ.get("FAIRTRIAL_CACHE")
    return Path(named).expanduser() if named else user_cache_path("fairtrial") / "decoded"

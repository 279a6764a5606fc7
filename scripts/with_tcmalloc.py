"""Run a Python script with tcmalloc where it is installed: python scripts/with_tcmalloc.py SCRIPT [ARGUMENT...].

PyTorch's training is about a quarter faster with it. oneDNN's cache of kernels is enlarged too: it holds one for each
layer and shape of a batch, and batches of words and lines have more shapes than its default is made for. Only trainings
are run so: OpenVINO, which reads with the trained model, aborts beside a preloaded tcmalloc ("free(): invalid pointer":
its thread library loads hwloc so that hwloc frees with the C library what tcmalloc had allocated).
"""

import os
import subprocess
import sys
from pathlib import Path

PLACES = ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib")


def library() -> Path | None:
    """Return tcmalloc's shared library (Debian: libtcmalloc-minimal4), or None where there is none."""
    candidates = (Path(place) / "libtcmalloc_minimal.so.4" for place in PLACES)
    return next((candidate for candidate in candidates if candidate.exists()), None)


def main() -> None:
    """Put the script in this process's place, or start it where that cannot be done."""
    command = [sys.executable, *sys.argv[1:]]
    environment = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "16384"} | os.environ
    found = library()
    if found is not None and sys.platform == "linux":
        os.execve(sys.executable, command, environment | {"LD_PRELOAD": str(found)})
    sys.exit(subprocess.run(command, env=environment, check=False).returncode)


if __name__ == "__main__":
    main()

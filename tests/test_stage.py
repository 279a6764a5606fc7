"""What a stage run from the command line writes to stderr."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def stage(body: str) -> subprocess.CompletedProcess[str]:
    imports = "import logging\nfrom src.errors import PipelineError\nfrom src.stage import run"
    script = f"{imports}\ndef main():\n    {body}\nrun(main)\n"
    return subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)


def test_log_lines_go_to_stderr_but_not_one_for_each_request():
    done = stage("logging.getLogger('src.x').info('of ours'); logging.getLogger('httpx').info('a request')")
    assert (done.returncode, done.stdout) == (0, "")
    assert "INFO src.x: of ours" in done.stderr
    assert "a request" not in done.stderr


def test_what_a_person_can_mend_is_one_line():
    done = stage("raise PipelineError('words.txt, row 3: no text; write one')")
    assert done.returncode == 1
    assert done.stderr == "error: words.txt, row 3: no text; write one\n"

"""The demo ends cleanly wherever it is interrupted."""

import re
import signal
import subprocess

import pytest

from tests.harness.process import BASE_ENVIRONMENT, PROJECT, PYTHON


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("== A bus with polkit", signal.SIGINT),
        ("# tetras-backctl watch", signal.SIGTERM),
        ("# tetras-backctl backup", signal.SIGHUP),
        ("== What everybody has heard", signal.SIGINT),
        ("# tetras-backctl restore", signal.SIGTERM),
    ],
)
def test_interrupted_demo_leaves_nothing_behind(line: str, number: int) -> None:
    demo = subprocess.Popen(
        [PYTHON, "-m", "tests.demo"],
        cwd=PROJECT,
        env=BASE_ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    with demo:
        assert demo.stdout is not None
        told = ""
        try:
            for text in demo.stdout:
                told += text
                if text.startswith(line):
                    demo.send_signal(number)
            status = demo.wait(60)
        finally:
            demo.kill()
    assert status == 128 + number, told
    assert re.search(r"left behind: nothing\n\Z", told), told

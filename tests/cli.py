"""The program as people and programs call it, for tests of its commands."""

import json
import subprocess
import sys


def run(cohort, *words, code=0, **keywords):
    """Ends the test unless the exit code is `code`, or one of them; None takes any."""
    command = [cohort, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, **keywords)
    expected = code if isinstance(code, tuple) else (code,)
    if code is not None and done.returncode not in expected:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode} instead of {code}\n"
                 f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done


def holds(condition, what, text=""):
    if not condition:
        sys.exit(f"does not hold: {what}\n{text}")


def last_json(done):
    return json.loads(done.stdout.splitlines()[-1])

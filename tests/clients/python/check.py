"""Shared by the Python scripts: `check` runs one step and prints one line."""

import sys
import time
import traceback

failed = []


def check(name):
    """Decorates a step: it runs at once, prints one line, and its result replaces it."""

    def run(step):
        try:
            result = step()
            print(f"ok - {name}", flush=True)
            return result
        except Exception as error:
            failed.append(name)
            place = traceback.extract_tb(error.__traceback__)[1]
            print(f"not ok - {name}: {type(error).__name__} at line {place.lineno}: {str(error)[:500]!r}", flush=True)
            return None

    return run


def eventually(what, condition, seconds=30):
    """Waits until the condition is true."""
    end = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen in {seconds} s")
        time.sleep(0.1)
    return result


def finish():
    """Ends the script; `run` takes a script without the line "end" for one that ended early."""
    print("end", flush=True)
    sys.exit(1 if failed else 0)

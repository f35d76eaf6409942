"""TAP for the Python programs: ok(what, condition), same(what, got, expected), raises(what, sqlstate, f), done()."""
import os
import sys
import time

n = 0
failed = 0
schema = os.environ["DRV_SCHEMA"]
rounds = int(os.environ["DRV_ROUNDS"])


def env(name):
    return os.environ[name]


def ok(what, cond, detail=None):
    global n, failed
    n += 1
    print(f"{'ok' if cond else 'not ok'} {n} - {what}", flush=True)
    if not cond:
        failed += 1
        if detail is not None:
            print(f"# {what}: {detail}", flush=True)
    return cond


def same(what, got, expected):
    return ok(what, got == expected, f"got {got!r}, expected {expected!r}")


def sqlstate(e):
    for x in (e, getattr(e, "orig", None), getattr(e, "__cause__", None)):
        for a in ("pgcode", "sqlstate"):
            if getattr(x, a, None):
                return getattr(x, a)
    return type(e).__name__


def raises(what, state, f):
    try:
        f()
    except Exception as e:
        return ok(what, sqlstate(e) == state, f"{sqlstate(e)}: {e}")
    return ok(what, False, "no error")


def section(f):
    """Runs a part of a program; what it throws is a failure of that part only."""
    begin = time.time()
    try:
        f()
    except Exception as e:
        import traceback
        traceback.print_exc()
        ok(f"{f.__name__} runs", False, f"{type(e).__name__}: {e}")
    print(f"# ran: {f.__name__} {time.time() - begin:.2f} s", flush=True)


def done():
    print(f"1..{n}")
    sys.exit(1 if failed else 0)

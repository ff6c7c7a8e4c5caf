"""A small comparison with round figures, as a run would have written it."""


def figures(milliseconds, variant="", **changes):
    return {
        "variant": variant,
        "versions": "Some 1.0",
        "parameters": 10,
        "first": 50.0,
        "start": 1500.0,
        "resting": 100.0,
        "peak": 130.0,
        "rounds": [milliseconds] * 3,
        "median": milliseconds,
        "min": milliseconds / 2,
        "max": milliseconds * 2,
        **changes,
    }


def case(name="train", task="training", **changes):
    return {
        "name": name,
        "label": f"net-{name}, batch 4",
        "task": task,
        "model": "net",
        "options": {},
        "batch": 4,
        "floors": {"pytorch": 2.0, "keras": 3.0},
        "peers": {
            "tinynet": [figures(2.0)],
            "pytorch": [figures(5.0, "NCHW"), figures(4.5, "NHWC", peak=200.0)],
            "keras": [figures(5.0, "fit")],
        },
        **changes,
    }


def comparison(*cases, **changes):
    return {
        "taken": "2026-01-02T03:04+00:00",
        "processor": "A Processor",
        "system": "Linux",
        "threads": 2,
        "rounds": 3,
        "seconds": 0.5,
        "versions": {"Python": "3.11", "tinynet": "tinynet 0.1"},
        "cases": list(cases or [case()]),
        "left_out": [],
        **changes,
    }

"""The content of a comparison as tests need it: three arms of two runs, every kind of entry; and the runs."""

from __future__ import annotations

import numpy as np

from tests.recorded.document import hour_of_samples

METRICS = ("excess_ms", "since_window_end_ms", "e2e_ms", "freshness_ms")
MEDIANS = {"spark": 900.0, "flink": 25.0, "reference": 8.0}
PER_MILLE = (*range(10, 1000, 10), 995, 999, 1000)


def comparison_content(text: str = "") -> dict:
    """Return a comparison; `text` is put before every word that may come from outside."""
    arms = {f"{text}{name}": median for name, median in MEDIANS.items()}
    base, *others = arms
    runs = [run_entry(f"{label}-{seed}", label, seed, median) for label, median in arms.items() for seed in (1, 2)]
    runs.append(failed_entry(f"{text}flink-3", f"{text}flink", f"{text}the engine ended"))
    return {
        "schema_version": 1,
        "kind": "comparison",
        "name": f"{text}evening" if text else None,
        "base": base,
        "ranked_by": {
            "metric": "excess_ms",
            "percent": 90,
            "why": f"{text}all arms write a row when its window closes",
        },
        "arms": [
            arm_entry(label, median, runs, rank) for rank, (label, median) in zip((3, 2, 1), arms.items(), strict=True)
        ],
        "runs": runs,
        "differences": [
            difference_entry(label, base, metric, percent, arms)
            for label in others
            for metric in METRICS
            for percent in (50, 90)
        ],
        "thresholds": [
            {
                "expression": f"{text}excess_p90_ms>+5%",
                "metric": "excess_ms",
                "percent": 90,
                "limit": 5.0,
                "unit": "%",
                "results": [
                    {
                        "arm": label,
                        "value": -97.0,
                        "interval": [-98.0, -96.0],
                        "outcome": "kept",
                        "text": f"{text}-97 %",
                    }
                    for label in others
                ],
            }
        ],
        "configuration_differences": [{"setting": f"{text}engine", "values": {label: label for label in arms}}],
        "load_differences": [{"field": f"{text}seed", "values": {run["run_id"]: run["seed"] for run in runs[:4]}}],
        "environment_differences": [
            {
                "field": f"{text}kernel",
                "values": {runs[0]["run_id"]: f"{text}6.1", runs[1]["run_id"]: "6.2"},
                "refused": True,
            }
        ],
        "parity": [
            {
                "name": f"{text}acks",
                "values": {label: {"value": f"{text}all", "source": "reported"} for label in arms},
                "equal": True,
                "note": None,
            },
            {
                "name": "state store",
                "values": {base: {"value": "hashmap", "source": "default"}},
                "equal": False,
                "note": f"{text}of some only",
            },
        ],
        "warnings": [f"{text}fewer than 3 valid runs"],
        "exit_code": 0,
    }


def run_entry(run_id, arm, seed, median):
    return {
        "run_id": run_id,
        "directory": f"runs/{run_id}",
        "arm": arm,
        "status": "completed",
        "verdict": "valid",
        "ranked": True,
        "reason": None,
        "exit_code": 0,
        "seed": seed,
        "started_ns": 1,
        "windows": 30,
        "rows": 300,
        "latencies_ms": {metric: dict.fromkeys(("p50", "p90", "p95", "p99", "max"), median) for metric in METRICS},
        "load": {"arrivals": "mmpp", "nominal_rate": 2000.0, "scheduled_rate": 2010.0, "path_rate": 2005.0},
    }


def failed_entry(run_id, arm, reason):
    empty = {"latencies_ms": {}, "load": {}, "windows": 0, "rows": 0, "seed": None, "started_ns": None}
    return {
        **run_entry(run_id, arm, 3, 0.0),
        **empty,
        "status": "failed",
        "verdict": "unknown",
        "ranked": False,
        "reason": reason,
        "exit_code": 10,
    }


def figure(value, spread=0.1):
    low, high = sorted((value * (1 - spread), value * (1 + spread)))
    return {"value": value, "interval": [low, high], "note": None}


def arm_entry(label, median, runs, rank):
    spread = np.exp(np.linspace(-0.5, 1.5, len(PER_MILLE)))
    offsets = {"excess_ms": 0.0, "since_window_end_ms": 3000.0, "e2e_ms": 3010.0, "freshness_ms": 3010.0}
    return {
        "label": label,
        "engine": "spark",
        "mode": "append",
        "settings": {},
        "runs": [run["run_id"] for run in runs if run["arm"] == label],
        "repeats": 2,
        "windows": 60,
        "rows": 600,
        "level": "within runs only",
        "latencies_ms": {
            metric: {
                "p50": figure(median + offset),
                "p90": figure(2 * median + offset),
                "quantiles": [[p / 10, v] for p, v in zip(PER_MILLE, (median * spread + offset).tolist(), strict=True)],
            }
            for metric, offset in offsets.items()
        },
        "rank": rank,
        "effective_settings": {},
    }


def difference_entry(arm, base, metric, percent, arms):
    below, above = arms[base], arms[arm]
    described = {
        "probability_slower": 0.01,
        "p_value": 0.0001,
        "windows": [60, 60],
        "note": "descriptive: decides nothing",
    }
    return {
        "arm": arm,
        "base": base,
        "metric": metric,
        "percent": percent,
        "ranks": metric != "freshness_ms",
        "base_value_ms": below,
        "value_ms": above,
        "difference_ms": figure(above - below),
        "change_percent": figure((above - below) / below * 100),
        "level": "within runs only",
        "paired": True,
        "repeats": [2, 2],
        "windows": [60, 60],
        "conclusion": "faster",
        "mann_whitney": described if percent == 50 else None,
    }


def compared_runs(content: dict, summary: dict) -> dict:
    """Return the samples of the runs of a comparison: all alike, and in none of the failed ones."""
    sample = hour_of_samples(summary, rows=500)
    return {run["run_id"]: sample for run in content["runs"] if run["ranked"]}

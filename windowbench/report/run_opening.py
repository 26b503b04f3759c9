"""The top of a run's report: the verdict with everything that speaks for and against, the headline, a few figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from windowbench.load.schedule import NS_PER_S
from windowbench.report.content import RunContent
from windowbench.report.layout import Opening, Tile
from windowbench.report.summary import definitions_of, shows_updates
from windowbench.report.wording import count, ms, number, plural, sentence

TONES = {"valid": "good", "invalid": "bad", "unsustainable": "warn", "failed": "bad", "aborted": "none"}
MEANINGS = {
    "valid": "every row was right, and the load was what it claims to be",
    "invalid": "no figure of this run is worth quoting",
    "unsustainable": "the results are right, but the engine did not keep up with the load",
    "unknown": "this run could not be judged",
    "failed": "the run ended before its results were recorded",
    "aborted": "the run was ended from outside",
}


def opening(content: RunContent) -> Opening:
    """Return the top of a run's page."""
    verdict = content.summary.get("verdict") or {}
    ended = str(content.status.get("status") or "unknown")
    word = ended if ended in ("failed", "aborted") else str(verdict.get("verdict") or ended)
    reasons = [*_ending(content.status)]
    reasons += [
        (str(r.get("party", "")), str(r.get("text", "")), str(r.get("code", ""))) for r in verdict.get("reasons", ())
    ]
    reasons += [("", problem, "") for problem in content.problems]
    return Opening(
        kind="run",
        title=content.run_id,
        subtitle=_subtitle(content),
        verdict=word,
        tone=TONES.get(word, "none"),
        sentence=MEANINGS.get(word, ""),
        reasons=reasons,
        warnings=[str(warning) for warning in verdict.get("warnings", ())],
        headline=_headline(content.summary),
        tiles=_tiles(content.summary),
    )


def _ending(status: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Say how a run ended that did not come to its end."""
    if status.get("status") in (None, "completed"):
        return
    yield "", f"in phase {status.get('phase', 'unknown')}: {status.get('error') or 'no reason given'}", ""
    if status.get("remedy"):
        yield "remedy", str(status["remedy"]), ""


def _subtitle(content: RunContent) -> str:
    config = content.config
    began = content.phases[0].start_ns if content.phases else None
    words = []
    if "engine" in config:
        words.append(f"engine {config['engine']}")
    if "workload" in config:
        words.append(f"workload {config['workload']}")
    load = content.summary.get("load")
    if load:
        words.append(f"{load['arrivals']} load, {number(load['nominal_rate'], 0)} events/s")
        words.append(f"windows of {load['window_size_ms'] / 1000:g} s")
    elif "data_generator" in config:
        words.append(f"{config['data_generator']} load")
    if began is not None:
        words.append(datetime.fromtimestamp(began / NS_PER_S, tz=UTC).strftime("%Y-%m-%d %H:%M UTC"))
    return " · ".join(words)


def _headline(summary: Mapping[str, Any]) -> Tile | None:
    headline = summary.get("headline")
    if not headline:
        return None
    interval, what = headline["interval_ms"], "update" if shows_updates(summary) else "row"
    sure = headline["interval_note"] or (
        f"95 % interval {number(interval[0])} to {ms(interval[1])}" if interval else "no interval"
    )
    definition = definitions_of(summary).get(str(headline["name"]).removesuffix("_ms"), "")
    return Tile(
        label=f"{headline['name']} P{headline['percent']}",
        value=ms(headline["value_ms"]),
        note=f"{sentence(sure)} "
        + sentence(
            f"{definition}; nearest rank over {plural(headline['rows'], what)} of"
            f" {plural(headline['windows'], 'window')}"
        ),
    )


def _tiles(summary: Mapping[str, Any]) -> list[Tile]:
    tiles = []
    rows, load, found = summary.get("rows"), summary.get("load"), summary.get("resources")
    if rows and "expected" in rows:
        wrong = sum(rows.get(name, 0) for name in ("wrong_value", "missing", "conflicting", "unexpected"))
        tiles.append(
            Tile(
                label="right rows",
                value=f"{count(rows['exact'])} of {count(rows['expected'])}",
                note="none wrong, missing or unexpected" if not wrong else f"{count(wrong)} wrong or missing",
            )
        )
    for name in ("first_excess", "since_window_end", "e2e"):
        latency = (summary.get("latencies_ms") or {}).get(name)
        if latency:
            tiles.append(Tile(label=f"{name}_ms P90", value=ms(latency["p90"]), note=f"median {ms(latency['p50'])}"))
    if load:
        tiles.append(
            Tile(
                label="load, measured phase",
                value=f"{number(load['scheduled_rate'], 0)}/s",
                note=f"{number(load['nominal_rate'], 0)}/s nominal, for {load['measured_seconds']:g} s",
            )
        )
    if found:
        each = found["cpu_seconds_per_million_events"]
        if each.get("engine") is not None:
            tiles.append(
                Tile(
                    label="engine's CPU",
                    value=f"{number(each['engine'], 0)} s",
                    note="CPU-seconds per million events",
                )
            )
        memory = found["memory_bytes"].get("engine")
        if memory:
            tiles.append(Tile(label="engine's memory", value=f"{number(memory / 1e6, 0)} MB", note="greatest resident"))
    return tiles

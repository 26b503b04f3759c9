"""Pages as tests see them: their elements, without a browser; and what a long run leaves for one."""

from __future__ import annotations

import dataclasses
from html.parser import HTMLParser

import numpy as np

from config import Config
from windowbench.judge.measures.resources import TREES, Span
from windowbench.load.arrivals import modulating_path
from windowbench.load.schedule import NS_PER_S, plan
from windowbench.report.content import RunContent
from windowbench.report.curves import Curve, Progress
from windowbench.report.page import html_page
from windowbench.report.run_document import run_document
from windowbench.report.terminal import terminal_text

HOUR = 3_600
VOID = {"meta", "link", "br", "img", "input"}


def page_of(content: RunContent) -> str:
    """Return the page of a run."""
    return html_page(run_document(content))


def text_of(summary: dict, *, directory: str = "", long: bool = False) -> str:
    """Return what a terminal shows of a run of which there is the summary alone."""
    content = RunContent(run_id=summary["run_id"], summary=summary)
    return terminal_text(run_document(content, directory=directory), long=long)


@dataclasses.dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    text: str = ""


class Document(HTMLParser):
    """The elements of a page in their order; fails where one is not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        assert self._open.pop().tag == tag

    def handle_data(self, data):
        for element in self._open:
            element.text += data

    def all(self, tag: str) -> list[Element]:
        return [element for element in self.elements if element.tag == tag]

    def one(self, identifier: str) -> Element:
        (found,) = [element for element in self.elements if element.attributes.get("id") == identifier]
        return found

    @property
    def tags(self) -> list[str]:
        return [element.tag for element in self.elements]

    @property
    def sections(self) -> list[str]:
        return [element.attributes["id"] for element in self.all("section")]


def hour_of_samples(summary: dict, rows: int = 1_000_000) -> RunContent:
    """Return a run of an hour under bursty load, with this many rows; the samples are drawn, the summary is given."""
    config = Config().replace(
        run_id="hour", data_generator="mmpp", duration_seconds=float(HOUR), window_size_sec=2.0, broker="embedded"
    )
    schedule = plan(config, 1_760_000_000 * NS_PER_S)
    rng = np.random.default_rng(5)
    excess = rng.lognormal(6, 0.3, rows)
    return RunContent(
        run_id="hour",
        summary=summary,
        status={"status": "completed"},
        config=config.flat(),
        origins=dict.fromkeys(config.flat(), "default") | {"duration_seconds": "command line"},
        environment={"cpu_model": "A CPU", "memory_bytes": 8_000_000_000, "broker": {"embedded": True}, "new": 1},
        schedule=schedule,
        phases=[
            Span(name="warm-up", start_ns=schedule.epoch_ns, end_ns=schedule.base_time_ns),
            Span(name="measure", start_ns=schedule.base_time_ns, end_ns=schedule.measure_end_ns),
        ],
        path=modulating_path(config, schedule.load_length_ns),
        windows=_windows(schedule, rng),
        latencies_ms={"excess": excess, "since_window_end": excess + 3000, "e2e": excess + 3010, "freshness": excess},
        load=_load(schedule, rng),
        host=_host(schedule, rng),
        progress=Progress(
            lag=Curve(x=np.arange(10_000) / 3, y=rng.uniform(3, 4, 10_000)),
            work={"batch_ms": Curve(x=np.arange(10_000) / 3, y=rng.uniform(200, 400, 10_000))},
        ),
    )


def _windows(schedule, rng):
    ends = np.arange(1, HOUR // 2 + 1) * 2000 + schedule.base_time_ns // 1_000_000
    medians = rng.lognormal(6, 0.3, len(ends))
    return {
        "window_id": list(range(len(ends))),
        "window_end_ms": ends.tolist(),
        "phase": ["measured"] * len(ends),
        "excess_p50_ms": medians.tolist(),
        "excess_max_ms": (medians + 10).tolist(),
    }


def _load(schedule, rng):
    seconds = np.arange(schedule.load_length_ns // NS_PER_S)
    counts = rng.poisson(667, len(seconds))
    return {
        "start_s": seconds + (schedule.epoch_ns - schedule.base_time_ns) / NS_PER_S,
        "scheduled": counts,
        "sent": counts,
        "lateness_mean_ms": rng.uniform(0.2, 0.4, len(seconds)),
        "lateness_max_ms": rng.uniform(1, 20, len(seconds)),
    }


def _host(schedule, rng):
    wall = schedule.epoch_ns + np.arange(HOUR) * NS_PER_S
    found = {"wall_ns": wall, "mono_ns": wall}
    for tree in TREES:
        found[f"cpu_{tree}"] = rng.uniform(0, 1, len(wall))
        found[f"rss_{tree}"] = rng.integers(10**8, 10**9, len(wall))
    return found

"""What Spark makes of a case: on a static frame, and on a stream of batches."""

import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq

from tests.parity.cases import RUN_ID
from windowbench.load.schedule import END_EVENT_TIME_NS, END_EVENT_TYPE
from windowbench.workloads.ad_ctr import spark as workload

RAW_SCHEMA = "value binary, timestamp timestamp"
ROW_SCHEMA = (
    "run_id string, campaign_id bigint, window_start bigint, window_end bigint, views bigint, clicks bigint,"
    " purchases bigint, events bigint, max_produce_time bigint, max_event_time_ns bigint, ctr double,"
    " ctr_smoothed double"
)


def payload(event):
    """Return an event's JSON with all of its fields."""
    return {
        "user_id": "7b0f8f5e-3c54-4a0c-9a3e-5a7f0c6a1d11",
        "page_id": "f7b0e1de-78a6-4fd5-8e0a-6a4a0de3c0aa",
        "ad_id": "0d4b25c6-8c57-43f1-9d0e-2f2f3d9d0b52",
        "ad_type": "video",
        "event_type": event.kind,
        "event_time_ns": event.event_time_ns,
        "window_id": 0,
        "ip_address": "10.1.2.3",
        "campaign_id": event.campaign,
        "produce_time": event.produce_ms,
    }


def record(value, timestamp_ms):
    """Return a Kafka record as Spark sees it."""
    return bytearray(value) if value is not None else None, datetime.fromtimestamp(timestamp_ms / 1000, UTC)


def record_of(event):
    return record(json.dumps(payload(event)).encode(), event.produce_ms)


def end_record(run_id, timestamp_ms, event_time_ns=END_EVENT_TIME_NS):
    end = {"event_type": END_EVENT_TYPE, "run_id": run_id, "event_time_ns": event_time_ns}
    return record(json.dumps(end).encode(), timestamp_ms)


def static_rows(spark, config, records, observation):
    """Return the result rows of records as a frame."""
    return workload.results(spark.createDataFrame(records, RAW_SCHEMA), config, observation)


def expected_frame(spark, rows):
    return spark.createDataFrame(rows, ROW_SCHEMA)


class Replay:
    """Feeds a stream one batch of records at a time, through a directory of files."""

    def __init__(self, spark, directory, config, mode="append", *, results=workload.results, raw_schema=RAW_SCHEMA):
        self._directory = directory / "in"
        self._directory.mkdir()
        self._files = 0
        self._name = f"rows_{abs(hash(directory))}"
        self._spark = spark
        raw = spark.readStream.schema(raw_schema).option("maxFilesPerTrigger", 1).parquet(str(self._directory))
        writer = results(raw, config).writeStream.format("memory").queryName(self._name)
        self.query = writer.outputMode(mode).option("checkpointLocation", str(directory / "checkpoint")).start()

    def feed(self, records):
        """Give the stream one more batch and wait until it and what follows from it is done.

        A record is a value and a time, and the topic where the workload has several.
        """
        columns = {
            "value": pa.array([None if value is None else bytes(value) for value, *_ in records], pa.binary()),
            "timestamp": pa.array([time for _, time, *_ in records], pa.timestamp("us", tz="UTC")),
        }
        if any(len(one) > 2 for one in records):
            columns["topic"] = pa.array([topic for _, _, topic in records])
        hidden = self._directory / f".{self._files}.parquet"
        pq.write_table(pa.table(columns), hidden)
        self._files += 1
        hidden.replace(self._directory / f"{self._files}.parquet")
        self.query.processAllAvailable()

    def rows(self):
        return self._spark.table(self._name)

    def reports(self):
        return [json.loads(report.json()) for report in self.query._jsq.recentProgress()]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.query.stop()
        self._spark.catalog.dropTempView(self._name)


def row_dict(case, row, origin_ms):
    """Return the whole result row that a case's row stands for."""
    return {
        "run_id": RUN_ID,
        "campaign_id": row.campaign,
        "window_start": origin_ms + row.start,
        "window_end": origin_ms + row.start + case.size_ms,
        "views": row.views,
        "clicks": row.clicks,
        "purchases": row.purchases,
        "events": row.views + row.clicks + row.purchases,
        "max_produce_time": origin_ms + row.last_produced_ms,
        "max_event_time_ns": origin_ms * 1_000_000 + row.last_at,
        "ctr": row.clicks / row.views if row.views else None,
        "ctr_smoothed": row.clicks / (row.views + 1),
    }

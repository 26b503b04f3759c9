"""Approximate counts of Spark beside exact ones: near them, and all else is equal."""

import json

import pytest

from tests.parity.cases import ORIGIN_MS
from tests.parity.test_attribution import config_of_cases
from tests.parity.web_cases import WEB_CASES, in_order, joined
from tests.parity.web_rows import CONFIG, reference_rows, spark_branch_rows
from windowbench.workloads.ad_clicks import spark as ads
from windowbench.workloads.web_analytics import spark as web

USERS = (1, 9, 300, 6_000)
"""How many there are in each window."""
EACH = 3
"""Events of each."""


def visits(spark, size_ms):
    """Return good visits with their event time, windows after windows."""
    return spark.sql(
        " union all ".join(
            f"""
            select concat('user-', id % {users}) as user_id,
                   element_at(array('PAGE_VIEW', 'SESSION_END'), cast(id % 2 as int) + 1) as event_type,
                   timestamp_millis({ORIGIN_MS + place * size_ms} + id % {size_ms}) as event_time,
                   {ORIGIN_MS} as session_start, id % 3 as page_views, {ORIGIN_MS} + id as produce_time
            from range({users * EACH})"""
            for place, users in enumerate(USERS)
        )
    )


def shown(spark, size_ms):
    """Return impressions as they leave the join, every seventh of them clicked."""
    return spark.sql(
        " union all ".join(
            f"""
            select concat('user-', id % {users}) as user_id, concat('{place}-', id) as impression_id,
                   id % 2 as campaign_id, 'tv' as device_type, id % 11 as cost,
                   timestamp_millis({ORIGIN_MS + place * size_ms} + id % {size_ms}) as event_time,
                   if(id % 7 = 0, concat('c', '{place}-', id), null) as click_id,
                   {ORIGIN_MS} + id as produce_time, if(id % 7 = 0, {ORIGIN_MS} + id + 1, null) as click_produce_time
            from range({users * EACH})"""
            for place, users in enumerate(USERS)
        )
    )


def traffic(spark, how):
    config = CONFIG.replace(distinct_users=how)
    rows = web.traffic(visits(spark, config.windows.size_ms), config, "r").select("row.value").collect()
    found = {row["window_start"]: row for row in (json.loads(value) for (value,) in rows)}
    return [found[start] for start in sorted(found)]


def devices(spark, how):
    config = config_of_cases()
    rows = ads.tallied(shown(spark, config.windows.size_ms), config.windows, approximate=how == "approximate")
    return [row.asDict() for row in rows.orderBy("metric", "campaign_id", "window_start").collect()]


@pytest.mark.parametrize(("rows_of", "field"), [(traffic, "active_users"), (devices, "users")])
def test_an_approximate_count_is_near_the_exact_one_and_all_else_is_equal(spark, rows_of, field):
    exact, approximate = rows_of(spark, "exact"), rows_of(spark, "approximate")
    without = [[{k: v for k, v in row.items() if k != field} for row in rows] for rows in (exact, approximate)]
    assert without[0] == without[1]
    pairs = [(one[field], right[field]) for one, right in zip(approximate, exact, strict=True)]
    assert [right for _, right in pairs if right] == list(USERS)
    assert all(abs(one - right) <= 0.15 * right for one, right in pairs)
    assert any(one != right for one, right in pairs), "a sketch counts so many users hardly ever exactly"


def test_a_stream_counts_approximately_too_and_writes_its_rows_once(spark, tmp_path):
    case, config = joined(WEB_CASES), CONFIG.replace(distinct_users="approximate")
    rows = spark_branch_rows(spark, tmp_path, case, web.traffic, config)
    exact = [row for row in reference_rows(case) if row["metric"] == "traffic"]
    assert max(row["active_users"] for row in exact) > 3
    # A sketch counts a handful exactly, but for collisions, and these users have none.
    expected = [{name: value for name, value in row.items() if value is not None} for row in exact]
    assert sorted(rows, key=in_order) == sorted(expected, key=in_order)

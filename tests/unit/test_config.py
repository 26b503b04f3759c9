"""The knobs of windowbench: every one in every layer, precedence, contradictions, and the way through config.json."""

import dataclasses
import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import config as knobs
from config import PROFILES, SETTINGS, Config, ConfigError, config_json, config_parser, load, read_run_config
from windowbench.engines import ENGINES
from windowbench.settings.knobs import Pairs
from windowbench.workloads import WORKLOADS


def loaded(*argv: str, environ: dict[str, str] | None = None) -> knobs.Loaded:
    return load(config_parser("test", "a test"), list(argv), environ or {})


def written(path, values):
    path.write_text(json.dumps(values))
    return str(path)


# One value beside the default, for those settings of which not any value of their type is one.
NAMED = {
    "mmpp_sojourn_seconds": (2.0, 0.5),
    "mmpp_multipliers": (1.0, 9.0),
    "mmpp_jump_matrix": ((0.0, 1.0), (1.0, 0.0)),
    "event_type_weights": (0.5, 0.25, 0.25),
    "window_size_sec": 5.0,
    "slide_sec": 2.5,
    "bootstrap_servers": "10.0.0.1:9092,[::1]:9093",
    "spark_driver_memory": "512m",
    "flink_memory": "700m",
    "kafka_streams_memory": "700m",
    "tuning": "no-web-page+no-waiting",
    "postgres": "embedded",
    "keep_environment": "AWS_PROFILE, HADOOP_CONF_DIR",
    "engine": "command",
    "revising_extent_ms": 2000,
    "behaviour_window_sec": 40.0,
    "behaviour_slide_sec": 20.0,
    "cart_timeout_sec": 45.5,
}


def other_value(setting):
    """Return a value of a setting that is not its default."""
    if setting.name in NAMED:
        return NAMED[setting.name]
    if setting.choices:
        return next((choice for choice in setting.choices if choice != setting.default), setting.default)
    default = setting.default
    if setting.type is bool:
        return not default
    if setting.type is int:
        return (default or 0) + 1
    if setting.type is float:
        return default / 2 if default and default < 1 else (default or 0) + (1.5 if default else 0.03125)
    return (("a.b", "false"), ("c", "3")) if setting.type == Pairs else "trial-1"


TOGETHER: dict[str, dict[str, object]] = {
    "out_of_order_share": {"out_of_order_extent_ms": 900},
    "out_of_order_extent_ms": {"out_of_order_share": 0.2},
    "engine": {"engine_command": "python -m engine"},
    "engine_command": {"engine": "command"},
    "postgres_dir": {"postgres": "embedded"},
    "tuning": {"preset": "default"},
} | {
    name: {("engine" if setting.group == "engine" else "workload"): setting.owners[0]}
    for name, setting in SETTINGS.items()
    if setting.owners and not {Config().engine.workload, Config().engine.engine, "command"} & set(setting.owners)
}

OTHER = {name: other_value(setting) for name, setting in SETTINGS.items() if len(setting.choices) != 1}


def text_of(value: object) -> str:
    """Spell a value the way an environment variable and a flag do."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        if value and isinstance(value[0], tuple):
            if isinstance(value[0][0], str):
                return ",".join(f"{key}={text}" for key, text in value)
            return ";".join(",".join(map(str, row)) for row in value)
        return ",".join(map(str, value))
    return str(value)


def flags_of(name: str, value: object) -> list[str]:
    setting = SETTINGS[name]
    if setting.type is bool:
        return [setting.flag if value else setting.flag.replace("--", "--no-", 1)]
    if setting.type == Pairs:
        return [part for key, text in value for part in (setting.flag, f"{key}={text}")]
    return [f"{setting.flag}={text_of(value)}"]


def value_in(config: Config, name: str) -> object:
    return getattr(getattr(config, SETTINGS[name].group), name)


# --- what follows from several settings ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "mode", "real_time"),
    [
        ({"engine": "spark"}, "append", False),
        ({"engine": "spark", "spark_mode": "update"}, "update", False),
        ({"engine": "spark", "spark_mode": "realtime"}, "update", True),
        ({"engine": "flink"}, "append", False),
        ({"engine": "flink", "flink_delivery": "exactly-once"}, "append", False),
        ({"engine": "reference"}, "append", False),
        ({"engine": "command", "engine_command": "x"}, "append", False),
    ],
)
def test_the_output_mode_is_that_of_the_engine_in_use(settings, mode, real_time):
    config = Config().replace(**settings)
    assert (config.output_mode, config.real_time) == (mode, real_time)


# --- every setting ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OTHER)
def test_each_setting_is_a_flag_an_environment_variable_and_a_file_key(name, tmp_path):
    partners = {name: OTHER[name], **TOGETHER.get(name, {})}
    in_json = {key: dict(value) if SETTINGS[key].type == Pairs else value for key, value in partners.items()}
    ways = {
        "command line": loaded(*[flag for key, value in partners.items() for flag in flags_of(key, value)]),
        "environment": loaded(environ={SETTINGS[key].env: text_of(value) for key, value in partners.items()}),
        "file run.json": loaded("--config", written(tmp_path / "run.json", in_json)),
    }
    for origin, way in ways.items():
        assert value_in(way.config, name) == OTHER[name]
        assert way.origins[name] == origin
    assert len({way.config for way in ways.values()}) == 1


@pytest.mark.parametrize("name", SETTINGS)
def test_each_setting_has_a_help_text_a_unit_or_meaning_and_a_name_of_its_own(name):
    setting = SETTINGS[name]
    assert len(setting.help) > 10
    others = [other for other in SETTINGS.values() if other.name != name]
    assert setting.flag not in {other.flag for other in others}
    assert setting.env not in {other.env for other in others}


def test_every_field_of_every_group_is_a_setting():
    groups = [*knobs.GROUPS.values(), *WORKLOADS.values(), *ENGINES.values()]
    assert {field.name for group in groups for field in dataclasses.fields(group)} == set(SETTINGS)
    assert set(knobs.GROUPS) == {field.name for field in dataclasses.fields(Config)}


def test_the_defaults_are_those_of_the_documentation():
    expected = {
        "num_producers": 2,
        "events_per_producer": 20_000,
        "rate": None,
        "duration_seconds": 60,
        "warmup_seconds": 30,
        "data_generator": "poisson",
        "bootstrap_servers": None,
        "events_topic": "events_spark",
        "result_topic": "results_spark",
        "partitions": 2,
        "replication_factor": 1,
        "window_size_sec": 10,
        "slide_sec": None,
        "watermark_delay_sec": 3,
        "num_campaigns": 10,
        "ads_per_campaign": 100,
        "max_lateness_p99_ms": 50,
        "max_steal": 0.10,
        "late_guard_seconds": 10,
    }
    config = loaded().config
    assert {name: value_in(config, name) for name in expected} == expected
    assert set(loaded().origins.values()) == {"default"}


# --- layers -----------------------------------------------------------------------------------------------------------


def test_later_layers_win_default_profile_file_environment_command_line(tmp_path):
    path = written(tmp_path / "mine.json", {"warmup_seconds": 7, "seed": 3, "partitions": 4})
    result = loaded(
        *("--profile", "smoke", "--config", path, "--partitions", "6"),
        environ={"WINDOWBENCH_SEED": "4", "WINDOWBENCH_PARTITIONS": "5"},
    )
    assert {
        name: (value_in(result.config, name), result.origins[name])
        for name in ("num_campaigns", "duration_seconds", "warmup_seconds", "seed", "partitions")
    } == {
        "num_campaigns": (10, "default"),
        "duration_seconds": (12.0, "profile smoke"),
        "warmup_seconds": (7.0, "file mine.json"),
        "seed": (4, "environment"),
        "partitions": (6, "command line"),
    }


def test_a_later_false_wins_over_an_earlier_true(tmp_path):
    path = written(tmp_path / "mine.json", {"keep_broker": True})
    assert loaded("--config", path, "--no-keep-broker").config.kafka.keep_broker is False


@pytest.mark.parametrize(
    ("argv", "environ", "named"),
    [
        (["--num-producer", "3"], {}, "--num-producers"),
        ([], {"WINDOWBENCH_NUM_PRODUCER": "3"}, "WINDOWBENCH_NUM_PRODUCERS"),
        (["--profile", "smok"], {}, "smoke, bench"),
        (["--data-generator", "posson"], {}, "poisson"),
    ],
)
def test_an_unknown_name_in_flags_environment_or_profile_names_the_nearest(argv, environ, named):
    with pytest.raises(ConfigError, match=named):
        loaded(*argv, environ=environ)


def test_an_unknown_key_in_a_file_names_the_nearest(tmp_path):
    with pytest.raises(
        ConfigError, match=r"unknown key 'num_producer' in file mine\.json; did you mean num_producers\?"
    ):
        loaded("--config", written(tmp_path / "mine.json", {"num_producer": 3}))


@pytest.mark.parametrize("second", ["--duration", "--rate"])
def test_a_flag_without_its_value_is_a_configuration_error(second):
    with pytest.raises(ConfigError, match=second):
        loaded("--seed", "1", second)


# --- two ways to give the load ----------------------------------------------------------------------------------------

RATE_AND_EVENTS = {"rate": 100, "events_per_producer": 100}


def test_rate_and_events_in_one_file_contradict_each_other(tmp_path):
    with pytest.raises(ConfigError, match=r"file both\.json sets both, keep one"):
        loaded("--config", written(tmp_path / "both.json", RATE_AND_EVENTS))


def test_rate_and_events_in_the_environment_contradict_each_other():
    with pytest.raises(ConfigError, match="environment sets both, keep one"):
        loaded(environ={"WINDOWBENCH_RATE": "100", "WINDOWBENCH_EVENTS_PER_PRODUCER": "100"})


def test_rate_and_events_on_the_command_line_contradict_each_other():
    with pytest.raises(ConfigError, match="command line sets both, keep one"):
        loaded("--rate", "100", "--events-per-producer", "100")


def test_rate_replaces_the_default_number_of_events():
    result = loaded("--rate", "100")
    assert (result.config.load.rate, result.config.load.events_per_producer) == (100.0, None)
    assert result.origins["rate"] == result.origins["events_per_producer"] == "command line"


def test_events_replace_the_rate_of_an_earlier_layer():
    result = loaded("--profile", "smoke", environ={"WINDOWBENCH_EVENTS_PER_PRODUCER": "100"})
    assert (result.config.load.rate, result.config.load.events_per_producer) == (None, 100)
    assert result.origins["rate"] == result.origins["events_per_producer"] == "environment"


def test_a_rate_in_a_later_layer_replaces_the_events_of_an_earlier_one(tmp_path):
    path = written(tmp_path / "mine.json", {"events_per_producer": 100})
    assert loaded("--config", path, "--rate", "5").config.load.rate == 5.0


def test_the_rate_follows_from_events_duration_and_producers():
    load_settings = loaded("--num-producers", "3", "--events-per-producer", "1000", "--duration", "70").config.load
    assert load_settings.total_rate == Fraction(300, 7)
    assert load_settings.events_label == 1000


def test_the_events_of_one_producer_follow_from_rate_duration_and_producers():
    load_settings = loaded("--rate", "500.1", "--duration", "20", "--num-producers", "4").config.load
    assert load_settings.total_rate == Fraction(5001, 10)
    assert load_settings.events_label == 2500  # 2500.5, to the even neighbour


# --- contradictions and bounds ----------------------------------------------------------------------------------------

WRONG = [
    ({"seed": -1}, "seed"),
    ({"run_id": ""}, "run_id"),
    ({"run_id": "../x"}, "run_id"),
    ({"run_id": "a/b"}, "run_id"),
    ({"run_id": ".hidden"}, "run_id"),
    ({"run_id": "-flag"}, "run_id"),
    ({"run_id": "é"}, "run_id"),
    ({"run_id": "x" * 101}, "run_id"),
    ({"run_timeout_seconds": 0}, "run_timeout_seconds"),
    ({"num_producers": 0}, "num_producers"),
    ({"num_producers": 65}, "num_producers"),
    ({"rate": 0}, "rate"),
    ({"rate": -5}, "rate"),
    ({"rate": 10_000_001}, "rate"),
    ({"rate": 0.0009}, "rate"),
    ({"events_per_producer": 0}, "events_per_producer"),
    ({"events_per_producer": 10**9}, "events_per_producer"),
    ({"rate": None, "events_per_producer": None}, "give either rate or events_per_producer"),
    ({"duration_seconds": 0}, "duration_seconds"),
    ({"duration_seconds": 9.999}, "at least one window of 10"),
    ({"duration_seconds": 604_801}, "a week"),
    ({"duration_seconds": 60.0005}, "whole number of milliseconds"),
    ({"warmup_seconds": -1}, "warmup_seconds"),
    ({"warmup_seconds": 0.0001}, "whole number of milliseconds"),
    ({"cooldown_seconds": -1}, "cooldown_seconds"),
    ({"data_generator": "bursty"}, "one of uniform, poisson, mmpp"),
    ({"mmpp_sojourn_seconds": [1]}, "at least two states"),
    ({"mmpp_sojourn_seconds": [1, 0]}, "mmpp_sojourn_seconds"),
    ({"mmpp_sojourn_seconds": [1, 2, 3]}, "more than two MMPP states need mmpp_multipliers"),
    ({"mmpp_burst_ratio": 0.5}, "mmpp_burst_ratio"),
    ({"mmpp_multipliers": [1, 2, 3]}, "names 3 states, mmpp_sojourn_seconds 2"),
    ({"mmpp_multipliers": [0, 0]}, "mmpp_multipliers"),
    ({"mmpp_multipliers": [-1, 2]}, "mmpp_multipliers"),
    ({"mmpp_jump_matrix": [[0, 1]]}, "2 x 2"),
    ({"mmpp_jump_matrix": [[0, 1], [0.5, 0.5]]}, "row 1"),
    ({"mmpp_jump_matrix": [[0, 0.9], [1, 0]]}, "row 0"),
    (
        {
            "mmpp_sojourn_seconds": [1, 1, 1],
            "mmpp_multipliers": [1, 2, 3],
            "mmpp_jump_matrix": [[0, 1, 0], [1, 0, 0], [0.5, 0.5, 0]],
        },
        "from every state to every other",
    ),
    ({"num_campaigns": 0}, "num_campaigns"),
    ({"ads_per_campaign": 0}, "ads_per_campaign"),
    ({"num_campaigns": 100_000, "ads_per_campaign": 51}, "5000000 ads"),
    ({"event_type_weights": [1, 1]}, "three numbers"),
    ({"event_type_weights": [0, 0, 0]}, "not all zero"),
    ({"event_type_weights": [1, -1, 1]}, "none negative"),
    ({"campaign_skew": -0.1}, "campaign_skew"),
    ({"out_of_order_share": 0.5}, "go together"),
    ({"out_of_order_extent_ms": 5}, "go together"),
    ({"out_of_order_share": 1.1, "out_of_order_extent_ms": 5}, "out_of_order_share"),
    ({"out_of_order_share": 0.5, "out_of_order_extent_ms": 2501}, r"\(2501\).*too_late_share"),
    ({"out_of_order_share": 0.5, "out_of_order_extent_ms": 1, "watermark_delay_sec": 0}, "watermark delay"),
    ({"too_late_share": 1}, "too_late_share"),
    ({"late_guard_seconds": 0}, "late_guard_seconds"),
    ({"payload_bytes": 900_001}, "payload_bytes"),
    ({"window_size_sec": 0}, "window_size_sec"),
    ({"window_size_sec": 0.0015}, "whole number of milliseconds"),
    ({"slide_sec": 3}, "multiple of slide_sec"),
    ({"slide_sec": 20}, "multiple of slide_sec"),
    ({"slide_sec": 0}, "slide_sec"),
    ({"watermark_delay_sec": -1}, "watermark_delay_sec"),
    ({"events_topic": "same", "result_topic": "same"}, "must differ"),
    ({"engine": "reference", "events_topic": "same", "watermarks_topic": "same"}, "watermarks_topic must differ"),
    ({"engine": "reference", "result_topic": "same", "watermarks_topic": "same"}, "watermarks_topic must differ"),
    ({"engine": "reference", "watermarks_topic": "a b"}, "watermarks_topic 'a b' may hold letters"),
    ({"events_topic": "a b"}, "events_topic"),
    ({"events_topic": ""}, "events_topic"),
    ({"result_topic": ".."}, "result_topic"),
    ({"partitions": 0}, "partitions"),
    ({"result_partitions": 0}, "result_partitions"),
    ({"replication_factor": 0}, "replication_factor"),
    ({"partition_skew": -1}, "partition_skew"),
    ({"idle_partitions": 2}, "at least one of the 2 partitions"),
    ({"linger_ms": -1}, "linger_ms"),
    ({"ack_sample_every": 0}, "ack_sample_every"),
    ({"broker_heap_mb": 64}, "broker_heap_mb"),
    ({"broker": "external"}, "needs bootstrap_servers"),
    ({"bootstrap_servers": ""}, "host:port"),
    ({"bootstrap_servers": "localhost"}, "host:port"),
    ({"bootstrap_servers": "a:1,b"}, "'b'"),
    ({"bootstrap_servers": "a:65536"}, "host:port"),
    ({"bootstrap_servers": "a:1", "keep_broker": True}, "keep_broker"),
    ({"engine": "command"}, "engine=command needs engine_command"),
    ({"engine_command": "x"}, "engine_command .* is a setting of the engine command, not of spark"),
    ({"engine_ready_seconds": 0}, "engine_ready_seconds"),
    ({"engine": "reference", "num_consumers": 0}, "num_consumers must be 1 to 1000"),
    ({"engine": "reference", "idle_timeout_ms": -1}, "idle_timeout_ms must not be negative"),
    ({"engine": "flink", "idle_timeout_ms": -1}, "idle_timeout_ms must not be negative"),
    ({"trigger_interval_ms": -1}, "trigger_interval_ms"),
    ({"spark_mode": "realtime", "trigger_interval_ms": 5}, "realtime_batch_seconds"),
    ({"realtime_batch_seconds": 4.999}, r"5 \(Spark's own bound\)"),
    ({"realtime_batch_seconds": 86_401}, "realtime_batch_seconds"),
    ({"realtime_batch_seconds": 6.0001}, "whole number of milliseconds"),
    ({"spark_mode": "realtime", "too_late_share": 0.1}, r"twice realtime_batch_seconds \(120\), not 10"),
    ({"preset": "best"}, "preset"),
    ({"spark_driver_memory": "2"}, "spark_driver_memory"),
    ({"spark_driver_memory": "lots"}, "spark_driver_memory"),
    ({"max_lateness_p99_ms": 0}, "max_lateness_p99_ms"),
    ({"max_steal": 1.5}, "max_steal"),
    ({"seed": 2**128}, "seed"),
    ({"runs_dir": ""}, "runs_dir"),
    ({"runs_dir": "a\0b"}, "runs_dir"),
    ({"runs_dir": "\ud800"}, "runs_dir"),
    ({"engine": "command", "engine_command": "engine 'unclosed"}, "engine_command"),
    ({"engine": "command", "engine_command": " "}, "engine_command"),
    ({"watermark_delay_sec": 86_401}, "watermark_delay_sec"),
    ({"drain_timeout_seconds": 0}, "drain_timeout_seconds"),
    ({"postgres_dsn": " "}, "postgres_dsn must name a database"),
    ({"postgres_dsn": "service=x", "postgres": "embedded"}, "two databases; keep one"),
    ({"postgres_dir": "x"}, "postgres_dir is for postgres=embedded"),
    ({"postgres_dir": "", "postgres": "embedded"}, "postgres_dir must name"),
    ({"postgres": "external"}, "one of none, embedded"),
]


@pytest.mark.parametrize(("values", "message"), WRONG, ids=[json.dumps(values)[:60] for values, _ in WRONG])
def test_a_contradictory_or_impossible_configuration_says_what_is_wrong(values, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        loaded("--config", written(tmp_path / "wrong.json", values))


AT_THE_BOUND = [
    {"duration_seconds": 10},
    {"rate": 0.001},
    {"rate": 10_000_000},
    {"num_producers": 64},
    {"out_of_order_share": 1, "out_of_order_extent_ms": 2500},
    {"slide_sec": 10},
    {"idle_partitions": 1},
    {"watermark_delay_sec": 0},
    {"warmup_seconds": 0, "cooldown_seconds": 0},
    {"mmpp_burst_ratio": 1},
    {"window_size_sec": 0.001},
    {"payload_bytes": 900_000},
    {"event_type_weights": [0, 0, 1]},
    {"run_id": "x" * 100},
    {"realtime_batch_seconds": 5},
    {"spark_mode": "realtime", "too_late_share": 0.1, "late_guard_seconds": 20, "realtime_batch_seconds": 10},
    {"spark_mode": "update", "too_late_share": 0.1, "trigger_interval_ms": 5},
    {"engine": "flink", "too_late_share": 0.1},
]


@pytest.mark.parametrize("values", AT_THE_BOUND, ids=[json.dumps(values) for values in AT_THE_BOUND])
def test_a_value_exactly_at_its_bound_is_accepted(values, tmp_path):
    config = loaded("--config", written(tmp_path / "bound.json", values)).config
    for name, value in values.items():
        expected = tuple(value) if isinstance(value, list) else value
        assert value_in(config, name) == expected


def test_a_configuration_is_a_value_equal_hashable_and_unchangeable():
    one, other = loaded("--seed", "3").config, loaded(environ={"WINDOWBENCH_SEED": "3"}).config
    assert one == other
    assert hash(one) == hash(other)
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.run.seed = 4


def test_replace_checks_like_the_constructor_and_knows_no_other_names():
    assert Config().replace(seed=9).run.seed == 9
    with pytest.raises(ConfigError, match="num_producers"):
        Config().replace(num_producers=0)
    with pytest.raises(ConfigError, match="unknown setting 'sead'; did you mean seed"):
        Config().replace(sead=9)


@pytest.mark.parametrize("name", PROFILES)
def test_each_profile_is_valid_and_has_known_settings_only(name):
    config = loaded("--profile", name).config
    for key, value in PROFILES[name].items():
        assert value_in(config, key) == value
    assert config.windows.window_size_sec == 2.0


def test_the_smoke_profile_plans_a_load_of_well_under_a_minute():
    load_settings, windows = loaded("--profile", "smoke").config.load, loaded("--profile", "smoke").config.windows
    planned = load_settings.warmup_seconds + load_settings.duration_seconds + load_settings.cooldown_seconds
    assert planned + windows.window_size_sec + windows.watermark_delay_sec <= 25


def test_the_bench_profile_has_windows_enough_for_an_interval():
    config = loaded("--profile", "bench").config
    assert config.load.duration_seconds == 120
    assert config.load.duration_seconds / config.windows.window_size_sec >= 30


SECRET = "tr0ub4dor"


@pytest.mark.parametrize(
    ("source", "argv", "environ"),
    [
        ("flag", [f"--postgres-dsn=postgresql://me:{SECRET}@db/results"], {}),
        ("environment", [], {"WINDOWBENCH_POSTGRES_DSN": f"host=db password={SECRET}"}),
        ("file", ["--config"], {}),
    ],
)
def test_a_password_in_the_dsn_is_refused_with_a_remedy_and_not_repeated(source, argv, environ, tmp_path):
    if source == "file":
        argv = [*argv, written(tmp_path / "x.json", {"postgres_dsn": f"postgres://me:{SECRET}@db"})]
    with pytest.raises(ConfigError, match=r"PGPASSWORD.*passfile.*service") as caught:
        loaded(*argv, environ=environ)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("argv", "wanted"),
    [
        ([], False),
        (["--postgres=embedded"], True),
        (["--postgres-dsn=service=results"], True),
        (["--postgres=embedded", "--skip-consumers"], False),
        (["--postgres-dsn=service=results", "--skip-consumers"], False),
        (["--postgres=embedded", "--postgres-dir=somewhere"], True),
    ],
)
def test_results_go_to_postgresql_only_where_a_database_is_named_and_nobody_says_no(argv, wanted):
    assert loaded(*argv).config.consumers.wanted is wanted


def test_a_later_layer_takes_the_embedded_database_back_for_another(tmp_path):
    path = written(tmp_path / "config.json", {"postgres": "embedded"})
    config = loaded("--config", path, "--postgres=none", "--postgres-dsn=service=results").config
    assert config.consumers.wanted
    assert config.consumers.postgres_dsn == "service=results"


# --- through config.json ----------------------------------------------------------------------------------------------

WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789_-", min_size=1, max_size=20).filter(lambda s: s[0] not in "-_")
MS = st.integers(0, 3_600_000).map(lambda ms: ms / 1000)


CHARACTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
PATHS = st.text(CHARACTERS, min_size=1)


@st.composite
def engines(draw):
    pairs = st.dictionaries(PATHS, st.text(CHARACTERS)).map(lambda found: tuple(found.items()))
    own = {
        "spark": {"spark_conf": pairs},
        "flink": {"flink_conf": pairs, "flink_parallelism": st.none() | st.integers(1, 1000)},
        "kafka_streams": {"kafka_streams_conf": pairs, "kafka_streams_threads": st.none() | st.integers(1, 1000)},
        "reference": {"num_consumers": st.integers(1, 1000), "watermarks_topic": WORDS.map("w-{}".format)},
        "command": {"engine_command": st.lists(WORDS, min_size=1).map(" ".join)},
    }
    engine = draw(st.sampled_from(list(ENGINES)))
    return {"engine": engine, **{name: draw(values) for name, values in own[engine].items()}}


@st.composite
def configurations(draw):
    size_ms = draw(st.integers(1, 60_000))
    divisor = draw(st.sampled_from([d for d in (1, 2, 3, 4, 5, 10) if size_ms % d == 0]))
    states = draw(st.integers(2, 4))
    positive = st.floats(0.001, 1000)
    delay_ms = draw(st.integers(0, 60_000))
    disorder = draw(st.integers(0, max(0, delay_ms - knobs.MUST_COUNT_MARGIN_MS)))
    by_rate = draw(st.booleans())
    values = {
        "run_id": draw(st.none() | WORDS),
        "runs_dir": draw(PATHS),
        "seed": draw(st.integers(0, 2**64)),
        "run_timeout_seconds": draw(st.none() | positive),
        "quiet": draw(st.booleans()),
        "num_producers": draw(st.integers(1, 64)),
        "rate": draw(st.floats(0.001, knobs.MAX_RATE)) if by_rate else None,
        "events_per_producer": None if by_rate else draw(st.integers(1, 10_000)),
        "duration_seconds": size_ms * draw(st.integers(100, 5000)) / 1000,
        "warmup_seconds": draw(MS),
        "cooldown_seconds": draw(MS),
        "data_generator": draw(st.sampled_from(["uniform", "poisson", "mmpp"])),
        "mmpp_sojourn_seconds": tuple(draw(st.lists(positive, min_size=states, max_size=states))),
        "mmpp_multipliers": tuple(draw(st.lists(positive, min_size=states, max_size=states))),
        "event_type_weights": tuple(draw(st.lists(positive, min_size=3, max_size=3))),
        "out_of_order_share": draw(st.floats(0.01, 1)) if disorder else 0.0,
        "out_of_order_extent_ms": disorder,
        "too_late_share": draw(st.floats(0, 0.99)),
        "window_size_sec": size_ms / 1000,
        "slide_sec": draw(st.sampled_from([None, size_ms // divisor / 1000])),
        "watermark_delay_sec": delay_ms / 1000,
        "events_topic": "e-" + draw(WORDS),
        "result_topic": "r-" + draw(WORDS),
        "kafka_config": draw(st.none() | PATHS),
        "compression": draw(st.sampled_from(["none", "gzip", "snappy", "lz4", "zstd"])),
        **draw(engines()),
        "postgres_dsn": draw(st.none() | WORDS.map("service={}".format)),
        "skip_consumers": draw(st.booleans()),
        "max_steal": draw(st.floats(0.001, 1)),
    }
    return Config().replace(**values)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(config=configurations())
def test_any_configuration_comes_back_equal_from_its_config_json(config, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(config_json(config), encoding="utf-8")
    assert read_run_config(path) == config
    assert loaded("--config", str(path)).config == config


@given(config=configurations())
def test_the_rate_of_any_configuration_is_exact_and_positive(config):
    rate = config.load.total_rate
    assert rate > 0
    if config.load.events_per_producer is not None:
        duration = Fraction(round(config.load.duration_seconds * 1000), 1000)
        assert rate * duration == config.load.num_producers * config.load.events_per_producer
        assert config.load.events_label == config.load.events_per_producer


def test_read_run_config_takes_no_other_layer_into_account(tmp_path, monkeypatch):
    monkeypatch.setenv("WINDOWBENCH_SEED", "99")
    path = tmp_path / "config.json"
    path.write_text(config_json(Config()))
    assert read_run_config(path).run.seed == 42


def test_a_run_of_before_there_was_a_setting_has_its_default(tmp_path):
    values = json.loads(config_json(Config()))
    del values["blind"]
    assert read_run_config(Path(written(tmp_path / "config.json", values))) == Config()


def test_read_run_config_refuses_a_file_that_lacks_a_setting(tmp_path):
    path = tmp_path / "config.json"
    values = Config().flat()
    del values["seed"]
    with pytest.raises(ConfigError, match="lacks the settings seed: was it written by another version"):
        read_run_config(Path(written(path, values)))


def test_config_json_holds_every_setting_once_in_the_order_of_the_groups():
    own = [
        name for name, setting in SETTINGS.items() if not setting.owners or {"ad_ctr", "spark"} & set(setting.owners)
    ]
    assert list(json.loads(config_json(Config()))) == own


@pytest.mark.parametrize(("name", "content"), [("deep.json", "[" * 100_000), ("deep.toml", "seed = " + "[" * 20_000)])
def test_a_file_nested_without_end_is_an_error_not_a_crash(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(ConfigError, match=name):
        loaded("--config", str(tmp_path / name))


def test_a_file_without_end_is_refused_after_its_first_megabytes():
    with pytest.raises(ConfigError, match="larger than"):
        loaded("--config", "/dev/zero")


def test_a_long_value_is_quoted_in_part():
    with pytest.raises(ConfigError) as raised:
        loaded("--data-generator", "x" * 5_000)
    assert len(str(raised.value)) < 300


# --- transactions -----------------------------------------------------------------------------------------------------


def exactly_once(**settings):
    return Config().replace(engine="flink", flink_delivery="exactly-once", **settings)


def test_visible_time_is_observed_on_request_and_where_rows_are_in_transactions():
    assert not Config().observes_visible_time
    assert Config().replace(visible_time=True).observes_visible_time
    assert exactly_once().observes_visible_time
    assert not Config().replace(engine="flink").observes_visible_time


def test_a_transaction_ends_well_before_a_broker_ends_it():
    assert exactly_once(flink_checkpoint_interval_ms=300_000, drain_timeout_seconds=1_000.0)
    with pytest.raises(ConfigError, match="at most 300000 with exactly-once"):
        exactly_once(flink_checkpoint_interval_ms=300_001, drain_timeout_seconds=1_000.0)
    assert Config().replace(engine="flink", flink_checkpoint_interval_ms=300_001)


def test_the_last_rows_of_a_transaction_must_become_visible_while_the_run_still_waits():
    assert exactly_once(flink_checkpoint_interval_ms=59_999)
    with pytest.raises(ConfigError, match="below drain_timeout_seconds"):
        exactly_once(flink_checkpoint_interval_ms=60_000)


def test_a_web_page_is_opened_on_this_machine_only():
    assert Config().replace(engine_ui=True)
    assert Config().replace(engine_ui=True, engine="flink")
    assert Config().replace(spark_master="spark://elsewhere:7077")
    with pytest.raises(ConfigError, match="open to other machines"):
        Config().replace(engine_ui=True, spark_master="spark://elsewhere:7077")

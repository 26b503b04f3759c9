"""Layers of settings, shown on a small group of knobs of its own."""

import argparse
import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windowbench.settings.command_line import Parser, add_flags, command_line_layer
from windowbench.settings.knobs import ConfigError, Matrix, Pairs, checked, knob, nearest, parsed_text, settings_of
from windowbench.settings.layers import environment_layer, mapping_layer, read_file


@dataclass(frozen=True, kw_only=True, slots=True)
class Kettle:
    litres: float = knob(1.5, "how much water, 100% of it hot")
    cups: int = knob(4, "how many cups")
    keep_warm: bool = knob(False, "heat again")
    label: str | None = knob(None, "what is written on it", flag="--name")
    mode: str = knob("boil", "what to do", choices=("boil", "simmer"))
    steps: tuple[float, ...] = knob((), "temperatures")
    table: Matrix = knob((), "rows")
    extra: Pairs = knob((), "anything else")


KNOWN = settings_of({"kettle": Kettle})


def flags(*argv: str) -> dict[str, object]:
    parser = Parser(prog="kettle", allow_abbrev=False)
    add_flags(parser, KNOWN)
    return dict(command_line_layer(parser.parse_all(list(argv)), KNOWN).values)


def env(**variables: str) -> dict[str, object]:
    return dict(environment_layer(variables, KNOWN).values)


def file(**values: object) -> dict[str, object]:
    return dict(mapping_layer(values, KNOWN, origin="file").values)


# --- what a setting is ------------------------------------------------------------------------------------------------


def test_a_setting_has_name_flag_variable_default_and_help():
    setting = KNOWN["keep_warm"]
    assert (setting.flag, setting.env, setting.default, setting.help, setting.group) == (
        "--keep-warm",
        "WINDOWBENCH_KEEP_WARM",
        False,
        "heat again",
        "kettle",
    )


def test_a_knob_may_name_its_own_flag():
    assert KNOWN["label"].flag == "--name"
    assert flags("--name", "tea") == {"label": "tea"}


def test_only_a_type_with_none_is_optional():
    assert [name for name, setting in KNOWN.items() if setting.optional] == ["label"]


@pytest.mark.parametrize(
    ("name", "argv", "variable", "in_file", "value"),
    [
        ("litres", ["--litres", "0.5"], "0.5", 0.5, 0.5),
        ("litres", ["--litres", "2"], "2", 2, 2.0),
        ("cups", ["--cups", "7"], "7", 7, 7),
        ("cups", ["--cups", "2e3"], "2e3", 2000.0, 2000),
        ("keep_warm", ["--keep-warm"], "true", True, True),
        ("keep_warm", ["--no-keep-warm"], "off", False, False),
        ("label", ["--name", "x y"], "x y", "x y", "x y"),
        ("mode", ["--mode", "simmer"], "simmer", "simmer", "simmer"),
        ("steps", ["--steps", "60,80.5"], "60,80.5", [60, 80.5], (60.0, 80.5)),
        ("table", ["--table", "0,1;1,0"], "0,1;1,0", [[0, 1], [1, 0]], ((0.0, 1.0), (1.0, 0.0))),
        (
            "extra",
            ["--extra", "a=1", "--extra", "b=x=y"],
            "a=1,b=x=y",
            {"a": 1, "b": "x=y"},
            (("a", "1"), ("b", "x=y")),
        ),
    ],
)
def test_flag_variable_and_file_key_give_the_same_value_of_the_same_type(name, argv, variable, in_file, value):
    for layer in (flags(*argv), env(**{KNOWN[name].env: variable}), file(**{name: in_file})):
        assert layer == {name: value}
        assert type(layer[name]) is type(value)


def test_what_is_not_given_is_not_in_a_layer():
    assert flags() == env() == file() == {}


def test_other_environment_variables_are_none_of_our_business():
    assert env(HOME="/", WINDOWBENC="1") == {}


# --- unknown names ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        (lambda: flags("--litre", "1"), "unknown argument --litre; did you mean --litres?"),
        (lambda: flags("--litre=1"), "unknown argument --litre; did you mean --litres?"),
        (
            lambda: env(WINDOWBENCH_CUP="1"),
            "unknown environment variable WINDOWBENCH_CUP; did you mean WINDOWBENCH_CUPS?",
        ),
        (lambda: file(keepwarm=True), "unknown key 'keepwarm' in file; did you mean keep_warm?"),
        (lambda: file(mode="simer"), "mode must be one of boil, simmer, not 'simer' (from file); did you mean simmer?"),
    ],
    ids=["flag", "flag with =", "variable", "file key", "choice"],
)
def test_an_unknown_name_is_an_error_that_names_the_nearest(call, hint):
    with pytest.raises(ConfigError) as caught:
        call()
    assert str(caught.value) == hint


def test_an_abbreviated_flag_is_unknown():
    with pytest.raises(ConfigError, match="--cup;"):
        flags("--cup", "3")


def test_nothing_is_suggested_for_a_word_that_resembles_nothing():
    assert nearest("xyzzy", ["cups", "litres"]) == ""


# --- values that do not fit -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("litres", "much"),
        ("litres", "nan"),
        ("litres", "inf"),
        ("cups", "2.5"),
        ("cups", ""),
        ("cups", "²"),
        ("keep_warm", "maybe"),
        ("mode", "BOIL"),
        ("steps", "1,,2"),
        ("table", "0,1;x"),
        ("extra", "novalue"),
        ("extra", "=1"),
    ],
)
def test_a_text_that_does_not_fit_is_an_error_that_names_setting_source_and_what_fits(name, text):
    with pytest.raises(ConfigError, match=rf"^{name} must be .+ \(from environment variable {KNOWN[name].env}\)"):
        env(**{KNOWN[name].env: text})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("litres", "1.5"),
        ("litres", True),
        ("litres", None),
        ("cups", 2.5),
        ("cups", False),
        ("keep_warm", 1),
        ("keep_warm", "true"),
        ("label", 5),
        ("steps", 3),
        ("steps", ["1"]),
        ("steps", ""),
        ("table", [1, 2]),
        ("extra", 7),
        ("extra", [["a"]]),
        ("extra", [[1, "x"]]),
        ("extra", {"a": [1]}),
        ("extra", [{}]),
    ],
)
def test_a_file_value_of_the_wrong_type_is_an_error(name, value):
    with pytest.raises(ConfigError, match=f"^{name} must be "):
        file(**{name: value})


def test_none_fits_where_a_setting_is_optional_only():
    assert file(label=None) == {"label": None}
    with pytest.raises(ConfigError):
        file(mode=None)


def test_nested_tables_of_pairs_are_joined_by_dots_as_toml_reads_dotted_keys():
    assert file(extra={"spark": {"ui": {"enabled": False}}, "x.y": 2}) == {
        "extra": (("spark.ui.enabled", "false"), ("x.y", "2"))
    }


@pytest.mark.parametrize("name", ["steps", "table", "extra"])
def test_an_empty_text_is_an_empty_list(name):
    assert env(**{KNOWN[name].env: ""}) == {name: ()}


def test_of_equal_keys_of_pairs_the_last_wins():
    assert flags("--extra", "a=1", "--extra", "b=2", "--extra", "a=3") == {"extra": (("a", "3"), ("b", "2"))}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_survives_text_and_json(number):
    setting = KNOWN["litres"]
    assert parsed_text(setting, repr(number), where="here") == number
    assert checked(setting, json.loads(json.dumps(number)), where="here") == number


@given(st.integers())
def test_whole_numbers_of_any_size_stay_exact(number):
    assert parsed_text(KNOWN["cups"], str(number), where="here") == number


# --- files ------------------------------------------------------------------------------------------------------------


def test_toml_and_json_files_say_the_same(tmp_path):
    toml, as_json = tmp_path / "a.toml", tmp_path / "a.json"
    toml.write_text("litres = 2\nextra.a.b = true\n")
    as_json.write_text('{"litres": 2, "extra": {"a.b": true}}')
    assert file(**read_file(toml)) == file(**read_file(as_json)) == {"litres": 2.0, "extra": (("a.b", "true"),)}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.toml", b"litres = ", "is not valid TOML"),
        ("a.json", b"{", "is not valid JSON"),
        ("a.json", b"[1]", "must hold one table"),
        ("a.json", b"\xff\xfe", "is not valid JSON"),
        ("a.toml", b"\xff\xfe", "is not valid TOML"),
    ],
)
def test_a_damaged_file_is_an_error_that_names_it(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        read_file(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_an_error_that_names_it(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read configuration file .*nowhere\.toml: No such file"):
        read_file(tmp_path / "nowhere.toml")


# --- help -------------------------------------------------------------------------------------------------------------


def test_help_holds_every_flag_with_its_text_and_default():
    parser = Parser(prog="kettle", formatter_class=argparse.RawTextHelpFormatter)
    add_flags(parser, KNOWN)
    text = parser.format_help()
    for setting in KNOWN.values():
        assert setting.flag in text
        assert setting.help in text
    assert "how much water, 100% of it hot [default: 1.5]" in text
    assert "what is written on it [default: none]" in text


def test_settings_of_one_group_share_one_heading():
    parser = Parser(prog="kettle")
    add_flags(parser, KNOWN)
    assert parser.format_help().count("kettle:\n") == 1

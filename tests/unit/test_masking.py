import pytest

from windowbench.settings.masking import MASK, hide_values, mask_named, mask_value, sounds_secret


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("engine --password hunter2 --fast", f"engine --password {MASK} --fast"),
        ("engine --api-token=abc", f"engine --api-token={MASK}"),
        ("host=db password='a b' user=me", f"host=db password={MASK} user=me"),
        ("postgresql://me:hunter2@db/x", f"postgresql://me:{MASK}@db/x"),
        ("-Djavax.net.ssl.keyStorePassword=abc -Xmx1g", f"-Djavax.net.ssl.keyStorePassword={MASK} -Xmx1g"),
        ("http://127.0.0.1:9092/path", "http://127.0.0.1:9092/path"),
        ("spark.sql.shuffle.partitions", "spark.sql.shuffle.partitions"),
    ],
)
def test_what_a_text_names_as_a_secret_is_masked_and_nothing_else(text, shown):
    assert mask_named(text) == shown


def test_a_setting_with_a_secret_name_is_masked_whole_and_one_without_a_value_shows_that():
    assert mask_value("postgres_password", "a b") == MASK
    assert mask_value("postgres_password", None) is None
    assert mask_value("seed", 42) == 42


def test_secrets_are_found_inside_tables_and_lists():
    value = {"spark.hadoop.fs.s3a.secret.key": "abc", "spark.x": ["token=abc", 3]}
    assert mask_value("spark_conf", value) == {
        "spark.hadoop.fs.s3a.secret.key": MASK,
        "spark.x": [f"token={MASK}", 3],
    }


def test_names_are_told_whatever_their_case():
    assert sounds_secret("ssl.Key.PASSWORD")
    assert not sounds_secret("spark.locality.wait")


def test_known_values_are_hidden_wherever_a_message_holds_them_and_numbers_stay():
    said = {
        "type": "settings",
        "effective": {"a": "x-hunter2", "hunter2": 1, "token": 7, "token.on": True},
        "position": {"0": 12},
        "list": ["hunter2", 3.5, None],
    }
    assert mask_value("", said, hide_values(["hunter2"])) == {
        "type": "settings",
        "effective": {"a": f"x-{MASK}", MASK: 1, "token": MASK, "token.on": True},
        "position": {"0": 12},
        "list": [MASK, 3.5, None],
    }

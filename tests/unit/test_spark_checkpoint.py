from pathlib import Path

import pytest

from windowbench.engines.spark.checkpoint import MARK, claim, local_directory
from windowbench.errors import EnvironmentProblem


def test_a_new_checkpoint_is_tied_to_its_topic_and_may_be_used_again(tmp_path):
    checkpoint = tmp_path / "deep" / "checkpoint"
    claim(checkpoint, "events", "id-1")
    (checkpoint / "offsets").mkdir()
    claim(checkpoint, "events", "id-1")


@pytest.mark.parametrize(("topic", "topic_id"), [("events", "id-2"), ("other", "id-1")])
def test_another_topic_is_refused(tmp_path, topic, topic_id):
    claim(tmp_path, "events", "id-1")
    with pytest.raises(EnvironmentProblem, match=f"belongs to topic events, id id-1; topic {topic} now has id") as seen:
        claim(tmp_path, topic, topic_id)
    assert "--checkpoint-dir" in seen.value.remedy


def test_offsets_of_an_unknown_topic_are_refused_and_left_as_they_are(tmp_path):
    (tmp_path / "offsets").mkdir()
    with pytest.raises(EnvironmentProblem, match="not recorded"):
        claim(tmp_path, "events", "id-1")
    assert not (tmp_path / MARK).exists()


@pytest.mark.parametrize("text", ["", "{", "[1]", "null"])
def test_a_damaged_mark_is_refused(tmp_path, text):
    (tmp_path / MARK).write_text(text)
    with pytest.raises(EnvironmentProblem, match="checkpoint"):
        claim(tmp_path, "events", "id-1")


def test_a_directory_that_cannot_be_made_is_a_problem_of_the_environment(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentProblem, match="cannot be used"):
        claim(tmp_path / "file" / "checkpoint", "events", "id-1")


@pytest.mark.parametrize(
    ("checkpoint", "directory"),
    [
        ("/a/b", Path("/a/b")),
        ("a/b", Path("a/b")),
        ("file:///a/b", Path("/a/b")),
        ("file:/a/b", Path("/a/b")),
        ("hdfs://host/a", None),
        ("s3a://bucket/a", None),
    ],
)
def test_only_a_local_checkpoint_has_a_directory(checkpoint, directory):
    assert local_directory(checkpoint) == directory

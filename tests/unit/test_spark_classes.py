"""The class archive of Spark's driver: used only where it is, and settings of the user's own come first."""

from windowbench.engines.spark.classes import empty_conf_dir, keeping_flags, sharing_flags
from windowbench.engines.spark.installation import settings_are_ours, spark_defaults, with_block


def test_an_archive_is_used_only_where_it_is(tmp_path):
    archive = tmp_path / "classes.jsa"
    assert sharing_flags(archive) == ()
    archive.touch()
    assert f"-XX:SharedArchiveFile={archive}" in sharing_flags(archive)
    assert "-Xshare:auto" in sharing_flags(archive), "one that does not fit is ignored"
    assert f"-XX:ArchiveClassesAtExit={archive}" in keeping_flags(archive)


def test_the_directory_of_settings_is_empty_and_always_the_same(tmp_path):
    assert empty_conf_dir(tmp_path) == empty_conf_dir(tmp_path)
    assert list(empty_conf_dir(tmp_path).iterdir()) == []


def test_settings_that_we_wrote_are_ours_and_a_line_or_file_of_anybody_else_is_not(tmp_path):
    assert settings_are_ours(tmp_path / "nowhere")
    defaults = tmp_path / "spark-defaults.conf"
    defaults.write_text(spark_defaults("", [tmp_path / "kafka.jar"]))
    (tmp_path / "spark-env.sh").write_text(with_block("", ["export JAVA_HOME=/java"]))
    assert settings_are_ours(tmp_path)
    defaults.write_text(spark_defaults("spark.ui.port 4041\n", []))
    assert not settings_are_ours(tmp_path)
    defaults.unlink()
    (tmp_path / "log4j2.properties").touch()
    assert not settings_are_ours(tmp_path)

"""What a user writes about Kafka can be wrong; the message names it and shows no value."""

from __future__ import annotations

import pytest
from confluent_kafka import Producer

from config import Config, ConfigError
from windowbench.kafka.client import make_client
from windowbench.kafka.settings import client_settings, java_settings, secrets

SECRET = "hunter2-secret"


def config_with(tmp_path, text):
    file = tmp_path / "client.properties"
    file.write_text(text)
    return Config().replace(bootstrap_servers="127.0.0.1:1", kafka_config=str(file))


@pytest.mark.parametrize(
    "line",
    [
        f"sasl.passwrd={SECRET}",
        f"security.protocol={SECRET}",
        f"security.protocol=SASL_SSL\nsasl.mechanism={SECRET}",
        f"socket.timeout.ms={SECRET}",
        f"ssl.key.pem={SECRET}",
        f"ssl.ca.location=/nowhere/{SECRET}",
    ],
)
def test_a_setting_that_the_client_refuses_is_named_without_its_value(tmp_path, line):
    with pytest.raises(ConfigError) as raised:
        make_client(Producer, config_with(tmp_path, f"security.protocol=SSL\n{line}\n"))
    assert SECRET not in str(raised.value)
    assert "client.properties" in str(raised.value)


@pytest.mark.parametrize("line", ["no separator", "=value", "acks=1", "bootstrap.servers=x:1", "linger.ms=9"])
def test_a_malformed_line_or_a_setting_of_the_harness_is_refused(tmp_path, line):
    with pytest.raises(ConfigError):
        client_settings(config_with(tmp_path, line))


def test_credentials_become_a_line_of_java_and_are_all_secret(tmp_path):
    text = (
        '# a comment\nsecurity.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.username=some"body\n'
        f"sasl.password={SECRET}\nssl.ca.location=/etc/ca.pem\njava.client.rack=r1\n"
    )
    config = config_with(tmp_path, text)
    java = java_settings(config)
    assert java["sasl.jaas.config"] == (
        f'org.apache.kafka.common.security.plain.PlainLoginModule required username="some\\"body" password="{SECRET}";'
    )
    assert java["client.rack"] == "r1"
    assert (java["ssl.truststore.type"], java["ssl.truststore.location"]) == ("PEM", "/etc/ca.pem")
    assert {SECRET, java["sasl.jaas.config"]} <= set(secrets(config))
    assert "java.client.rack" not in client_settings(config)

"""Client settings: one file of the user's, spelled for librdkafka and for Java clients.

A ``--kafka-config`` file holds one ``key=value`` a line with librdkafka's names
(``security.protocol``, ``sasl.username``, ``ssl.ca.location``, ...). The few names that a
Java client (Spark's connector) spells differently are translated; a line that starts with
``java.`` goes to Java clients only, as it is. Values never appear in a message, a log or a
report: :func:`secrets` gives every value for masking.
"""

from __future__ import annotations

from pathlib import Path

from config import ConfigError, JobConfig
from windowbench.settings.layers import read_limited

_HARNESS_OWNED = {
    "bootstrap.servers": "--bootstrap-servers",
    "group.id": "the run id",
    "acks": "the harness, which always uses acks=all",
    "enable.idempotence": "the harness, which is always idempotent",
    "compression.type": "--compression",
    "linger.ms": "--linger-ms",
}

_SAME_IN_JAVA = (
    *("security.protocol", "client.id", "client.dns.lookup", "ssl.endpoint.identification.algorithm"),
    *("ssl.keystore.location", "ssl.keystore.password"),
)
_JAVA_PREFIX = "java."


def parse_client_file(path: Path) -> dict[str, str]:
    """Read a ``key=value`` file of client settings.

    Raises
    ------
    ConfigError
        When the file cannot be read, a line is malformed (named by number, its text is not shown)
        or a setting belongs to the harness.
    """
    try:
        text = read_limited(path)
    except OSError as error:
        msg = f"cannot read kafka_config {path}: {error.strerror}"
        raise ConfigError(msg) from None
    except ValueError:
        msg = f"kafka_config {path} is too large or not UTF-8 text"
        raise ConfigError(msg) from None
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith(("#", "!", ";")):
            continue
        key, separator, value = stripped.partition("=")
        key = key.strip()
        if not separator or not key:
            msg = f"line {number} of kafka_config {path} is not key=value"
            raise ConfigError(msg)
        if key in _HARNESS_OWNED:
            msg = f"kafka_config {path} sets {key}, which is decided by {_HARNESS_OWNED[key]}; remove the line"
            raise ConfigError(msg)
        found[key] = value.strip()
    return found


def _user_settings(config: JobConfig) -> dict[str, str]:
    return parse_client_file(Path(config.kafka.kafka_config)) if config.kafka.kafka_config else {}


def bootstrap_of(config: JobConfig) -> str:
    """Return the broker address of a configuration that must name one.

    Raises
    ------
    ConfigError
        When no broker is named: a process started alone cannot guess it.
    """
    if config.kafka.bootstrap_servers is None:
        msg = (
            "no broker is named: give --bootstrap-servers host:port, or a run's config.json by --config;"
            " `python -m windowbench broker` starts a broker to try things with"
        )
        raise ConfigError(msg)
    return config.kafka.bootstrap_servers


def client_settings(config: JobConfig) -> dict[str, str | int | float]:
    """Return what every librdkafka client of this configuration is made with."""
    user = {k: v for k, v in _user_settings(config).items() if not k.startswith(_JAVA_PREFIX)}
    return {
        "bootstrap.servers": bootstrap_of(config),
        "client.id": "windowbench",
        "socket.keepalive.enable": True,
        "log_level": 3,
        **user,
    }


def java_settings(config: JobConfig) -> dict[str, str]:
    """Return the user's client settings as a Java Kafka client spells them, without a prefix.

    The broker's address is not among them. Credentials become a JAAS line, PEM files become PEM stores.
    """
    user = _user_settings(config)
    java = {k: v for k, v in user.items() if k in _SAME_IN_JAVA}
    mechanism = user.get("sasl.mechanism") or user.get("sasl.mechanisms")
    if mechanism:
        java["sasl.mechanism"] = mechanism
    if "sasl.username" in user:
        module = (
            "org.apache.kafka.common.security.plain.PlainLoginModule"
            if mechanism == "PLAIN"
            else "org.apache.kafka.common.security.scram.ScramLoginModule"
        )
        name, word = (_jaas_quoted(user.get(k, "")) for k in ("sasl.username", "sasl.password"))
        java["sasl.jaas.config"] = f"{module} required username={name} password={word};"
    if "ssl.ca.location" in user:
        java["ssl.truststore.type"] = "PEM"
        java["ssl.truststore.location"] = user["ssl.ca.location"]
    java.update({k.removeprefix(_JAVA_PREFIX): v for k, v in user.items() if k.startswith(_JAVA_PREFIX)})
    return java


_IN_PYTHON = {
    "security.protocol": "security_protocol",
    "sasl.mechanism": "sasl_mechanism",
    "sasl.mechanisms": "sasl_mechanism",
    "sasl.username": "sasl_plain_username",
    "sasl.password": "sasl_plain_password",
    "ssl.ca.location": "ssl_cafile",
    "ssl.certificate.location": "ssl_certfile",
    "ssl.key.location": "ssl_keyfile",
    "ssl.key.password": "ssl_password",
}


def python_settings(config: JobConfig) -> dict[str, str | bool]:
    """Return the user's client settings as kafka-python spells them; the broker's address is not among them."""
    user = _user_settings(config)
    python: dict[str, str | bool] = {ours: user[theirs] for theirs, ours in _IN_PYTHON.items() if theirs in user}
    if user.get("ssl.endpoint.identification.algorithm") == "none":
        python["ssl_check_hostname"] = False
    if "security_protocol" in python:
        python["security_protocol"] = str(python["security_protocol"]).upper()
    return python


def _jaas_quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def user_values(config: JobConfig) -> list[str]:
    """Return every value of the user's file, longest first, for hiding where even a public one may be a slip."""
    return sorted({value for value in _user_settings(config).values() if value}, key=len, reverse=True)


def secrets(config: JobConfig) -> tuple[str, ...]:
    """Return the texts that must be masked wherever output is captured, longest first.

    Values of fewer than four characters (``true``'s shorter cousins) would mask half of every log line
    and hold no secret worth the name; protocol and mechanism names are public.
    """
    public = {"security.protocol", "sasl.mechanism", "sasl.mechanisms", "client.id"}
    values = {v for k, v in _user_settings(config).items() if k not in public and len(v) >= 4}
    values |= {v for k, v in java_settings(config).items() if k == "sasl.jaas.config"}
    return tuple(sorted(values - {"true", "false", "none", "https"}, key=len, reverse=True))

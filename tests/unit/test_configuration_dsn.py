"""Where a secret may hide in a connection string, and where something only looks like one."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from windowbench.settings.dsn import holds_secret

SECRET_KEYS = {"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"}

WITH = [
    "postgresql://me:secret@db/results",
    "postgres://me:secret@/results?host=/run",
    "postgres://:secret@db",
    "postgresql://me:p%40ss@h1:5432,h2:5433/results",
    "postgresql://me:secret@[::1]:5432/results",
    "postgresql://me:s/l/ash@db/results",
    "postgresql://me:12345@db",
    "postgresql://db/results?user=me&password=secret",
    "postgresql://db/results?p%61ssword=secret",
    "POSTGRES://me:secret@db",
    "host=db password=secret",
    "host=db password = 'two words'",
    "password\n=secret",
    "host=db PASSWORD=secret",
    "host=db sslpassword=secret",
    "dbname='postgresql://me:secret@db'",
    "host=db oauth_client_secret=secret",
    "host=db scram_client_key=secret",
]
WITHOUT = [
    "service=results",
    "host=db dbname=results user=me passfile=/etc/pass",
    "host=db require_auth=password dbname=results",
    "postgresql://me@db:5432/results?require_auth=password&passfile=x",
    "postgresql://me:@db/results",
    "postgresql://db:5432/results?user=me@realm",
    "postgresql://h1:5432,h2:5433/results?application_name=a@b",
    "postgresql://[::1]:5432/results?user=me@realm",
    "postgresql:///results?host=/run/postgresql&user=me@realm",
    "dbname=password",
    "",
]


@pytest.mark.parametrize("dsn", WITH)
def test_a_secret_is_found(dsn):
    assert holds_secret(dsn)


@pytest.mark.parametrize("dsn", WITHOUT)
def test_what_only_looks_like_one_is_let_pass(dsn):
    assert not holds_secret(dsn)


PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=0x24F, exclude_characters="\x7f"), min_size=1)


@given(
    secret=PRINTABLE,
    key=st.sampled_from(sorted(SECRET_KEYS)),
    others=st.sets(st.sampled_from(["host", "user", "port"])),
)
def test_whatever_libpq_takes_for_a_secret_is_found_in_either_form(secret, key, others):
    values = dict.fromkeys(others, "1")
    written = make_conninfo("", **values, **{key: secret})
    assert conninfo_to_dict(written)[key] == secret
    assert holds_secret(written)
    uri = f"postgresql://db/results?{key}={quote(secret, safe='')}"
    assert conninfo_to_dict(uri)[key] == secret
    assert holds_secret(uri)


@given(secret=PRINTABLE, user=st.text("abc", max_size=3), port=st.sampled_from(["", ":5432"]))
def test_the_password_beside_the_user_of_a_uri_is_found_however_it_is_spelled(secret, user, port):
    uri = f"postgresql://{user}:{quote(secret, safe='')}@db{port}/results"
    assert conninfo_to_dict(uri)["password"] == secret
    assert holds_secret(uri)

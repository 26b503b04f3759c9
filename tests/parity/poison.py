"""Records that must be turned away, and odd ones that must not. Data only, for parity and integration tests.

Every entry is made of one good event, so that a reader that overlooks the flaw would count it.
"""

import json

from tests.parity.cases import ORIGIN_MS
from windowbench.load.schedule import GUARD_FUTURE_MS, GUARD_PAST_MS, NS_PER_MS
from windowbench.workloads.ad_ctr.settings import EVENT_TYPES

ABSENT = object()
YEAR_MS = 365 * 86_400_000


def good_event(now_ms=ORIGIN_MS):
    return {
        "user_id": "7b0f8f5e-3c54-4a0c-9a3e-5a7f0c6a1d11",
        "page_id": "f7b0e1de-78a6-4fd5-8e0a-6a4a0de3c0aa",
        "ad_id": "0d4b25c6-8c57-43f1-9d0e-2f2f3d9d0b52",
        "ad_type": "video",
        "event_type": EVENT_TYPES[0],
        "event_time_ns": now_ms * NS_PER_MS,
        "window_id": 0,
        "ip_address": "10.1.2.3",
        "campaign_id": 3,
        "produce_time": now_ms,
    }


def changed(now_ms=ORIGIN_MS, **fields):
    event = good_event(now_ms) | fields
    return json.dumps({name: value for name, value in event.items() if value is not ABSENT}).encode()


def malformed(now_ms=ORIGIN_MS):
    """Return values that are no event, by name; the times in them are right for a record of `now_ms`."""
    good = changed(now_ms)
    return {
        "null": None,
        "empty": b"",
        "white space": b" \n ",
        "truncated at the last byte": good[:-1],
        "truncated in a number": good[:-5],
        "truncated in the middle": good[: len(good) // 2],
        "not UTF-8": b"\xe9\xff\xfe" * 20,
        "not UTF-8 in a field nobody reads": good.replace(b'"10.1', b'"\xff\xfe'),
        "UTF-16": good.decode().encode("utf-16"),
        "byte order mark": b"\xef\xbb\xbf" + good,
        "zero bytes": bytes(50),
        "900 kB of text": b"x" * 900_000,
        "900 kB in a string": b'"' + b"x" * 900_000 + b'"',
        "nested lists": b"[" * 100_000,
        "nested objects": b'{"a":' * 5_000 + good + b"}" * 5_000,
        "nested below a good event": good[:-1] + b', "x": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        "a JSON null": b"null",
        "a number": b"5",
        "a string": json.dumps(good.decode()).encode(),
        "an empty object": b"{}",
        "a list of events": b"[" + good + b"]",
        "an event inside an object": b'{"event": ' + good + b"}",
        "an event and more": good + b"xyz",
        "two events": good + good,
        "two events in lines": good + b"\n" + good,
        "two events with a comma": good + b", " + good,
        "single quotes": good.replace(b'"', b"'"),
        "names without quotes": good.replace(b'"campaign_id"', b"campaign_id"),
        "a comment": good.replace(b"{", b"{ /* hello */ ", 1),
        "a line break in a string": good.replace(b"10.1", b"10\n1"),
        "a word nobody knows": good[:-1] + b', "x": nonsense}',
        "a leading zero": good.replace(b'"campaign_id": 3', b'"campaign_id": 03'),
        "a plus sign": good.replace(b'"campaign_id": 3', b'"campaign_id": +3'),
        "a field again, of another type": good[:-1] + b', "campaign_id": "4"}',
        "a field again, broken": good[:-1] + b', "campaign_id": bad}',
        "another case of a name": good.replace(b"campaign_id", b"Campaign_Id"),
        "a field one level down": good.replace(b'"campaign_id": 3', b'"x": {"campaign_id": 3}'),
        **{f"without {name}": changed(now_ms, **{name: ABSENT}) for name in NEEDED},
        **{f"{name} null": changed(now_ms, **{name: None}) for name in NEEDED},
        **{f"{name} a list": changed(now_ms, **{name: [good_event(now_ms)[name]]}) for name in NEEDED},
        **{f"{name} an object": changed(now_ms, **{name: {"a": good_event(now_ms)[name]}}) for name in NEEDED},
        **{f"{name} true": changed(now_ms, **{name: True}) for name in NEEDED},
        **{f"{name} in quotes": changed(now_ms, **{name: str(good_event(now_ms)[name])}) for name in NEEDED[1:]},
        **{f"{name} an empty string": changed(now_ms, **{name: ""}) for name in NEEDED},
        **{f"{name} with a fraction": changed(now_ms, **{name: 3.5}) for name in NEEDED},
        **{f"{name} with a fraction of zero": changed(now_ms, **{name: 3.0}) for name in NEEDED},
        **{f"{name} not a number": changed(now_ms, **{name: float("nan")}) for name in NEEDED[1:]},
        **{f"{name} beyond 64 bits": changed(now_ms, **{name: 2**63}) for name in NEEDED[1:]},
        "an unknown type": changed(now_ms, event_type="scroll"),
        "a type in capitals": changed(now_ms, event_type="View"),
        "a type with a space": changed(now_ms, event_type="view "),
        "END without a run id": changed(now_ms, event_type="END"),
    }


NEEDED = ("event_type", "campaign_id", "event_time_ns", "produce_time")


def out_of_time(now_ms=ORIGIN_MS):
    """Return well-formed events whose event time does not fit a record of `now_ms`, by name."""

    def at(offset_ms, offset_ns=0):
        return changed(now_ms, event_time_ns=(now_ms + offset_ms) * NS_PER_MS + offset_ns)

    return {
        "a year ahead": at(YEAR_MS),
        "a year behind": at(-YEAR_MS),
        "one ns beyond the guard": at(GUARD_FUTURE_MS, 1),
        "one ns before the guard": at(-GUARD_PAST_MS, -1),
        "time zero": changed(now_ms, event_time_ns=0),
        "a negative time": changed(now_ms, event_time_ns=-1),
        "the greatest time": changed(now_ms, event_time_ns=2**63 - 1),
        "the least time": changed(now_ms, event_time_ns=-(2**63)),
        "ms in place of ns": changed(now_ms, event_time_ns=now_ms),
    }


def odd_but_good(now_ms=ORIGIN_MS):
    """Return events that count though they look unusual, by name."""
    good = changed(now_ms)
    return {
        "as the harness writes it": good,
        "padded with spaces": good.replace(b": ", b":     ") + b"   ",
        "spaces before": b"  \n" + good,
        "900 kB of padding": changed(now_ms, padding="x" * 900_000),
        "a further field of any shape": changed(now_ms, more={"a": [1, {"b": None}]}),
        "nested, but not too deep": good[:-1] + b', "x": ' + b"[" * 900 + b"]" * 900 + b"}",
        "a field twice: the last counts": good[:-1] + b', "campaign_id": 3}',
        "escapes and letters of the world": changed(now_ms, ad_type='\u00fc"\\\u4e16\U0001f600'),
        "fields in another order": json.dumps(dict(reversed(good_event(now_ms).items()))).encode(),
        "other fields with other types": changed(now_ms, user_id=5, ip_address=None),
        "the ends of the guard, ahead": changed(now_ms, event_time_ns=(now_ms + GUARD_FUTURE_MS) * NS_PER_MS),
        "the ends of the guard, behind": changed(now_ms, event_time_ns=(now_ms - GUARD_PAST_MS) * NS_PER_MS),
    }

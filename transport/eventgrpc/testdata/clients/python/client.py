"""Runs what programs do with the official client for Python against an endpoint:

    python client.py <connection string>

Prints a line for each rule that held and fails at the first that did not.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from kurrentdbclient import CaughtUp, Checkpoint, KurrentDBClient, NewEvent, StreamState
from kurrentdbclient import exceptions as refused

client = KurrentDBClient(uri=sys.argv[1])
rules = []


def rule(f):
    rules.append(f)
    return f


def unique(word):
    return f"{word}-{uuid4()}"


def made(n, kind="thing-happened"):
    return [NewEvent(type=kind, data=json.dumps({"n": i}).encode(), metadata=b'{"who": "me"}') for i in range(n)]


def numbers(events):
    return [e.stream_position for e in events]


def rejects(error, f, *args, **kwargs):
    try:
        f(*args, **kwargs)
    except error as e:
        return e
    raise AssertionError(f"no {error.__name__}")


@rule
def append_and_read_forwards_and_backwards():
    stream, events = unique("order"), made(5)
    position = client.append_to_stream(stream, events=events, current_version=StreamState.NO_STREAM)
    read = client.get_stream(stream)
    assert [e.id for e in read] == [e.id for e in events]
    assert [e.data for e in read] == [e.data for e in events]
    assert all(e.metadata == b'{"who": "me"}' and e.type == "thing-happened" for e in read)
    assert read[4].commit_position == position == client.get_commit_position()
    assert abs(read[0].recorded_at.timestamp() - time.time()) < 60
    assert numbers(client.get_stream(stream, backwards=True)) == [4, 3, 2, 1, 0]
    assert numbers(client.get_stream(stream, stream_position=2, limit=2)) == [2, 3]
    assert numbers(client.get_stream(stream, stream_position=1, backwards=True)) == [1, 0]
    assert client.get_current_version(stream) == 4


@rule
def append_of_one_event():
    stream, event = unique("order"), made(1)[0]
    first = client.append_to_stream(stream, events=event, current_version=StreamState.NO_STREAM)
    assert client.append_to_stream(stream, events=event, current_version=StreamState.NO_STREAM) == first
    client.append_event(stream, event=made(1)[0], current_version=0)
    client.append_events(stream, events=made(2), current_version=StreamState.EXISTS)
    assert numbers(client.get_stream(stream)) == [0, 1, 2, 3]


@rule
def binary_data_come_back():
    stream, data = unique("order"), bytes(range(256))
    client.append_to_stream(stream, events=[NewEvent(type="bytes", data=data, content_type="application/octet-stream")], current_version=StreamState.ANY)
    (read,) = client.get_stream(stream)
    assert read.data == data and read.content_type == "application/octet-stream"


@rule
def wrong_versions():
    stream = unique("order")
    for events in (made(1)[0], made(2)):
        rejects(refused.WrongCurrentVersionError, client.append_to_stream, stream, events=events, current_version=3)
        rejects(refused.WrongCurrentVersionError, client.append_to_stream, stream, events=events, current_version=StreamState.EXISTS)
    client.append_to_stream(stream, events=made(3), current_version=StreamState.NO_STREAM)
    for events in (made(1)[0], made(2)):
        e = rejects(refused.WrongCurrentVersionError, client.append_to_stream, stream, events=events, current_version=1)
        assert "2" in str(e), e
        rejects(refused.WrongCurrentVersionError, client.append_to_stream, stream, events=events, current_version=StreamState.NO_STREAM)
    assert numbers(client.get_stream(stream)) == [0, 1, 2]


@rule
def many_appends_at_once():
    streams = [unique("order") for _ in range(20)]
    with ThreadPoolExecutor(16) as crowd:
        for done in [crowd.submit(client.append_to_stream, s, events=made(2), current_version=StreamState.ANY) for s in streams for _ in range(10)]:
            done.result()
    assert all(numbers(client.get_stream(s)) == list(range(20)) for s in streams)


@rule
def absent_large_and_read_only():
    rejects(refused.NotFoundError, client.get_stream, unique("absent"))
    large = NewEvent(type="large", data=b"x" * (600 << 10), content_type="application/octet-stream")
    rejects(refused.MaximumAppendSizeExceededError, client.append_to_stream, unique("order"), events=[large], current_version=StreamState.ANY)
    for events in (made(1)[0], made(2)):
        rejects(refused.AccessDeniedError, client.append_to_stream, unique("account"), events=events, current_version=StreamState.ANY)
    rejects(refused.AccessDeniedError, client.delete_stream, unique("account"), current_version=StreamState.ANY)


@rule
def read_all_with_filters():
    word = uuid4().hex
    client.append_to_stream(f"{word}-1", events=made(2, "one") + made(2, "two"), current_version=StreamState.NO_STREAM)
    client.append_to_stream(unique("order"), events=made(2, f"{word}-type"), current_version=StreamState.NO_STREAM)
    mine = dict(filter_include=[f"{word}.*"], filter_by_stream_name=True)
    read = list(client.read_all(**mine))
    assert numbers(read) == [0, 1, 2, 3]
    assert numbers(client.read_all(filter_include=[word], filter_by_stream_name=True, filter_by_prefix=True)) == [0, 1, 2, 3]
    assert numbers(client.read_all(filter_include=[f"{word}-.*"])) == [0, 1]
    assert numbers(client.read_all(backwards=True, limit=3, **mine)) == [3, 2, 1]
    assert numbers(client.read_all(commit_position=read[2].commit_position, **mine)) == [2, 3]
    assert not [e for e in client.read_all() if e.type.startswith("$")]
    assert not [e for e in client.read_all(filter_exclude=[f"{word}.*"], filter_by_stream_name=True) if e.stream_name.startswith(word)]


@rule
def subscription_to_a_stream():
    stream, seen = unique("order"), []
    client.append_to_stream(stream, events=made(3), current_version=StreamState.ANY)
    with client.subscribe_to_stream(stream, stream_position=0, include_caught_up=True) as subscription:
        for e in subscription:
            seen.append("live" if isinstance(e, CaughtUp) else e.stream_position)
            if seen[-1] == "live":
                client.append_to_stream(stream, events=made(2), current_version=2)
            if len(seen) == 5:
                break
    assert seen == [1, 2, "live", 3, 4], seen


@rule
def subscription_to_all():
    word, seen, checkpoints = uuid4().hex, [], 0
    first = client.append_to_stream(f"{word}-1", events=made(1), current_version=StreamState.ANY)
    client.append_to_stream(f"{word}-1", events=made(2), current_version=StreamState.ANY)
    with client.subscribe_to_all(
        commit_position=first, filter_include=[f"{word}.*"], filter_by_stream_name=True, include_caught_up=True,
        include_checkpoints=True, window_size=1, checkpoint_interval_multiplier=1,
    ) as subscription:
        for e in subscription:
            if isinstance(e, Checkpoint):
                checkpoints += 1
                assert e.commit_position >= first
                continue
            seen.append("live" if isinstance(e, CaughtUp) else e.stream_position)
            if seen[-1] == "live":
                client.append_to_stream(unique("order"), events=made(3), current_version=StreamState.ANY)
                client.append_to_stream(f"{word}-1", events=made(1), current_version=StreamState.ANY)
            if len(seen) == 4:
                break
    assert seen == [1, 2, "live", 3], seen
    assert checkpoints > 0


@rule
def default_subscription_from_end():
    with client.subscribe_to_all(from_end=True, include_caught_up=True) as subscription:
        for e in subscription:
            if isinstance(e, CaughtUp):
                stream = unique("order")
                client.append_to_stream(stream, events=made(1), current_version=StreamState.ANY)
            else:
                assert e.stream_name == stream
                break


@rule
def deleted_and_written_again():
    stream = unique("order")
    client.append_to_stream(stream, events=made(3), current_version=StreamState.ANY)
    rejects(refused.WrongCurrentVersionError, client.delete_stream, stream, current_version=0)
    client.delete_stream(stream, current_version=2)
    rejects(refused.NotFoundError, client.get_stream, stream)
    client.append_to_stream(stream, events=made(2), current_version=StreamState.NO_STREAM)
    assert numbers(client.get_stream(stream)) == [3, 4]


@rule
def tombstone_is_for_good():
    stream = unique("order")
    client.append_to_stream(stream, events=made(1), current_version=StreamState.ANY)
    rejects(refused.WrongCurrentVersionError, client.tombstone_stream, stream, current_version=3)
    client.tombstone_stream(stream, current_version=0)
    rejects(refused.StreamIsDeletedError, client.get_stream, stream)
    rejects(refused.StreamIsDeletedError, client.append_to_stream, stream, events=made(2), current_version=StreamState.ANY)
    # appends of one event have no name of their own for it in this client
    e = rejects(refused.FailedPreconditionError, client.append_to_stream, stream, events=made(1)[0], current_version=StreamState.ANY)
    assert "is deleted" in str(e), e
    rejects(refused.StreamIsDeletedError, client.tombstone_stream, stream, current_version=StreamState.ANY)


@rule
def metadata_hide_by_count_and_age():
    stream = unique("order")
    assert client.get_stream_metadata(stream) == ({}, StreamState.NO_STREAM)
    client.append_to_stream(stream, events=made(5), current_version=StreamState.ANY)
    client.set_stream_metadata(stream, metadata={"$maxCount": 2, "colour": "red"})
    assert client.get_stream_metadata(stream) == ({"$maxCount": 2, "colour": "red"}, 0)
    assert numbers(client.get_stream(stream)) == [3, 4]
    assert numbers(client.get_stream(stream, backwards=True)) == [4, 3]
    rejects(refused.WrongCurrentVersionError, client.set_stream_metadata, stream, metadata={}, current_version=7)
    client.set_stream_metadata(stream, metadata={"$maxAge": 1}, current_version=0)
    end = time.time() + 30
    while client.get_stream(stream):
        assert time.time() < end, "events of more than a second are still shown"
        time.sleep(0.05)
    client.append_to_stream(stream, events=made(1), current_version=4)
    client.set_stream_metadata(stream, metadata={})
    assert numbers(client.get_stream(stream)) == [0, 1, 2, 3, 4, 5]


for f in rules:
    f()
    print("held:", f.__name__.replace("_", " "), flush=True)
client.close()
print(f"all {len(rules)} rules held")

"""Signed webhooks: what proves a message, what does not, and agreement with the reference implementation."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suture.transports.signatures import WrongSignature, sign, verify

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(b"a key for the tests, 32 bytes...").decode()
OLD = base64.b64encode(b"the key of last year, 32 bytes..").decode()
BODY = b'{"order":"4711"}'


def refused(headers: dict[str, str], body: bytes = BODY, now: datetime = NOW) -> str:
    with pytest.raises(WrongSignature) as caught:
        verify(headers, body, [SECRET], now)
    return str(caught.value)


def test_the_worked_example_of_the_specification() -> None:
    # Key, id, timestamp and signature of the example that the Standard Webhooks projects test themselves with.
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}', "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.binary(max_size=300), st.binary(min_size=1, max_size=64))
def test_what_we_sign_verifies_and_one_flipped_bit_does_not(body: bytes, key: bytes) -> None:
    secret = base64.b64encode(key).decode()
    headers = sign("msg_1", NOW, body, secret)
    assert verify(headers, body, [secret], NOW) == "msg_1"
    with pytest.raises(WrongSignature):
        verify(headers, body + b"\0", [secret], NOW)


def test_the_body_is_bytes_and_needs_no_charset() -> None:
    body = b"\xff\xfe\x00ISA*"
    assert verify(sign("m", NOW, body, SECRET), body, [SECRET], NOW) == "m"


def test_old_and_new_key_are_good_together() -> None:
    for secret in (SECRET, OLD):
        assert verify(sign("m", NOW, BODY, secret), BODY, [SECRET, OLD], NOW) == "m"


def test_one_of_several_signatures_is_enough() -> None:
    headers = sign("m", NOW, BODY, SECRET)
    ours = headers["webhook-signature"]
    foreign = sign("m", NOW, BODY, OLD)["webhook-signature"]
    headers["webhook-signature"] = f"v1a,AAAA {foreign} v1,not-base64! v1 {ours}"
    assert verify(headers, BODY, [SECRET], NOW) == "m"


def test_signatures_beyond_the_sixteenth_are_not_looked_at() -> None:
    headers = sign("m", NOW, BODY, SECRET)
    headers["webhook-signature"] = "v1,AAAA " * 16 + headers["webhook-signature"]
    assert "no signature matches" in refused(headers)


@pytest.mark.parametrize("seconds", [-300, 300])
def test_five_minutes_either_way_are_fresh(seconds: int) -> None:
    headers = sign("m", NOW + timedelta(seconds=seconds), BODY, SECRET)
    assert verify(headers, BODY, [SECRET], NOW) == "m"


def test_older_and_future_messages_are_refused_with_the_reason() -> None:
    assert "old" in refused(sign("m", NOW - timedelta(seconds=301), BODY, SECRET))
    assert "ahead" in refused(sign("m", NOW + timedelta(seconds=301), BODY, SECRET))


@pytest.mark.parametrize("timestamp", ["now", "-5", "1e9", "١٦١٤٢٦٥٣٣٠", "9" * 40, " 1614265330"])
def test_a_timestamp_is_plain_digits(timestamp: str) -> None:
    assert "webhook-timestamp" in refused(sign("m", NOW, BODY, SECRET) | {"webhook-timestamp": timestamp})


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_all_three_headers_are_required(missing: str) -> None:
    headers = sign("m", NOW, BODY, SECRET)
    del headers[missing]
    assert "required" in refused(headers)


def test_another_id_is_another_message() -> None:
    assert "no signature matches" in refused(sign("m", NOW, BODY, SECRET) | {"webhook-id": "n"})


def test_an_id_cannot_borrow_the_beginning_of_a_body() -> None:
    # "a" + "." + t + "." + "123.x" and "a.t" + "." + "123" + "." + "x" are the same signed bytes.
    seconds = str(int(NOW.timestamp()))
    headers = sign("a", NOW, f"{seconds}.x".encode(), SECRET)
    assert "full stop" in refused(headers | {"webhook-id": f"a.{seconds}"}, b"x")
    with pytest.raises(ValueError, match="full stops"):
        sign("a.b", NOW, BODY, SECRET)


@pytest.mark.parametrize("secret", ["", "whsec_", "not base64 at all!"])
def test_a_bad_secret_is_said_without_repeating_it(secret: str) -> None:
    with pytest.raises(ValueError, match="signing secret") as caught:
        sign("m", NOW, BODY, secret)
    assert "not base64 at all!" not in str(caught.value)


def test_no_secret_proves_nothing() -> None:
    with pytest.raises(WrongSignature):
        verify(sign("m", NOW, BODY, SECRET), BODY, [], NOW)


def test_the_reference_implementation_agrees() -> None:
    reference = pytest.importorskip("standardwebhooks.webhooks", reason="standardwebhooks is not installed").Webhook(SECRET)
    assert reference.sign("m", NOW, BODY.decode()) == sign("m", NOW, BODY, SECRET)["webhook-signature"]
    now = datetime.now(UTC)
    reference.verify(BODY, sign("m", now, BODY, SECRET))
    theirs = {
        "webhook-id": "m",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": reference.sign("m", now, BODY.decode()),
    }
    assert verify(theirs, BODY, [SECRET], now) == "m"

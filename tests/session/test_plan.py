"""Where a run may go, with which key, and what it leaves alone."""

from __future__ import annotations

import msgspec
import pytest

from cohere_conformance.access import DIRECT, Access
from cohere_conformance.contract.tiers import Tier
from cohere_conformance.errors import UsageError
from cohere_conformance.reference.keys import EXPIRED, PRODUCTION, TRIAL
from cohere_conformance.session.plan import LIVE_REQUESTS, Plan, RunOptions, TargetKind, credentials, plan

OPERATIONS = {
    "POST /v1/chat": "chat",
    "POST /v2/chat": "chat",
    "POST /v2/embed": "embed",
    "POST /v2/rerank": "rerank",
}
LIVE = "https://api.cohere.com"
KEY = "test-key-of-nobody-0123456789"


def planned(options: RunOptions, key: str = "") -> Plan:
    return plan(options, OPERATIONS, {"CO_API_KEY": key} if key else {})


def test_without_a_url_the_target_is_embedded_and_everything_may_run() -> None:
    made = planned(RunOptions(), key=KEY)
    assert (made.target_kind, made.url, made.profile) == (TargetKind.EMBEDDED, None, "contract")
    assert made.tiers == frozenset(Tier)
    assert made.max_requests is None
    assert made.key is not None
    assert made.key.reveal() == PRODUCTION, "somebody's real key is none of the embedded server's business"
    assert made.declares == frozenset(OPERATIONS)
    assert made.selected == {"chat", "embed", "rerank"}


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (("chat",), {"POST /v1/chat", "POST /v2/chat"}),
        (("v2.chat",), {"POST /v2/chat"}),
        (("POST /v2/embed", "v2.chat"), {"POST /v2/chat", "POST /v2/embed"}),
        (("chat", "v2.chat"), {"POST /v1/chat", "POST /v2/chat"}),
    ],
)
def test_a_target_declares_groups_versions_of_them_or_operations(
    names: tuple[str, ...], labels: set[str]
) -> None:
    made = planned(RunOptions(declares=names))
    assert made.declares == labels
    assert made.declared == tuple(sorted(names))
    assert made.selected == {"chat", "embed", "rerank"}


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8765", "http://localhost:4000/cohere/", "http://[::1]:1", "http://api.localhost", "http://127.1.2.3"],
)  # fmt: skip
def test_this_machine_needs_no_permission(url: str) -> None:
    made = planned(RunOptions(url=url), key=KEY)
    assert (made.target_kind, made.url, made.profile) == (TargetKind.OWN, url.rstrip("/"), "contract")
    assert made.key is not None
    assert made.key.reveal() == KEY
    assert made.tiers == frozenset(Tier)


@pytest.mark.parametrize(
    "url", [LIVE, "http://192.168.0.7:8000", "https://localhost.example.com", "https://127.0.0.1.nip.io"]
)
def test_another_host_needs_live(url: str) -> None:
    with pytest.raises(UsageError, match="--live"):
        planned(RunOptions(url=url), key=KEY)


OWN = [
    "http://gateway:4000", "http://172.17.0.2:8000", "http://cohere.default.svc.cluster.local",
    "https://192.168.0.7", "http://api.cohere.com.example.org", "http://127.0.0.1:1", "unix:///run/s.sock",
]  # fmt: skip


@pytest.mark.parametrize("url", OWN)
@pytest.mark.parametrize("key", ["", KEY])
def test_a_server_of_the_users_own_is_like_one_on_this_machine(url: str, key: str) -> None:
    made = planned(RunOptions(url=url, own=True), key=key)
    here = planned(RunOptions(url="http://127.0.0.1:1"), key=key)
    assert msgspec.structs.replace(made, url=here.url, access=here.access, key=None, added=here.added) == (
        msgspec.structs.replace(here, key=None)
    )
    assert made.target_kind is TargetKind.OWN
    assert made.key is not None
    assert made.key.reveal() == (key or PRODUCTION)
    assert made.shown_url == url


@pytest.mark.parametrize(
    "url",
    [
        LIVE,
        "http://API.cohere.AI./x",
        "https://cohere.com",
        "https://x.y.cohere.com:1",
    ],
)
def test_the_vendors_server_is_nobodys_own(url: str) -> None:
    with pytest.raises(UsageError, match=r"--own-server.*use --live"):
        planned(RunOptions(url=url, own=True), key=KEY)


def test_no_key_is_sent_where_none_is_named() -> None:
    assert planned(RunOptions(url="http://127.0.0.1:1", key_variable=""), key=KEY).key is None
    made = plan(RunOptions(url="http://127.0.0.1:1", key_variable="OURS"), OPERATIONS, {"OURS": "ours-1"})
    assert made.key is not None
    assert (made.key.reveal(), made.key_variable) == ("ours-1", "OURS")


def test_the_embedded_server_is_reached_directly() -> None:
    access = Access(headers=(("x-tenant", "${TENANT}"),), tls_verify=False)
    made = planned(RunOptions(access=access, key_variable="OURS"))
    assert (made.access, made.key_variable, made.added.reveal()) == (DIRECT, "CO_API_KEY", ())


def test_a_live_run_reads_and_computes_only_and_is_bounded() -> None:
    made = planned(RunOptions(url=LIVE, live=True), key=KEY)
    assert (made.target_kind, made.profile) == (TargetKind.LIVE, "live-2026")
    assert made.tiers == {Tier.FREE_READ, Tier.CHEAP_COMPUTE}
    assert made.max_requests == LIVE_REQUESTS


def test_further_tiers_are_allowed_by_name_only() -> None:
    made = planned(RunOptions(url=LIVE, live=True, allow=("creates", "D"), max_requests=7), key=KEY)
    assert made.tiers == {Tier.FREE_READ, Tier.CHEAP_COMPUTE, Tier.CREATES, Tier.DESTROYS}
    assert made.max_requests == 7


@pytest.mark.parametrize(
    ("options", "key", "words"),
    [
        (RunOptions(url=LIVE, live=True), "", "CO_API_KEY"),
        (RunOptions(url=LIVE, live=True), "  ", "CO_API_KEY"),
        (RunOptions(url="http://api.cohere.com", live=True), KEY, "https"),
        (RunOptions(url="http://127.0.0.1:1", live=True), KEY, "--live"),
        (RunOptions(live=True), KEY, "--live"),
        (RunOptions(url=LIVE), KEY, "--own-server if the host is yours"),
        (RunOptions(own=True), "", "--own-server"),
        (RunOptions(url="http://gateway", own=True, live=True), KEY, "--live"),
        (RunOptions(url=LIVE, live=True, key_variable="OURS"), KEY, "variable OURS"),
        (RunOptions(url=LIVE, live=True, key_variable=""), KEY, "variable CO_API_KEY"),
        (RunOptions(url=LIVE, live=True, access=Access(tls_verify=False)), KEY, "--no-tls-verify"),
        (RunOptions(url="http://localhost", access=Access(headers=(("x-a", "${UNSET}"),))), "", "UNSET"),
        (RunOptions(url="localhost:8000"), "", "base URL"),
        (RunOptions(url="ftp://localhost"), "", "base URL"),
        (RunOptions(url="http://[::1"), "", "base URL"),
        (RunOptions(url="http://localhost:99999"), "", "base URL"),
        (RunOptions(url="http://localhost/?a=b"), "", "query"),
        (RunOptions(url=f"http://user:{KEY}@localhost"), "", "credentials"),
        (RunOptions(profile="live-2025"), "", "live-2026"),
        (RunOptions(only=("rerankk",)), "", "did you mean rerank"),
        (RunOptions(declares=("embeds",)), "", "did you mean embed"),
        (RunOptions(declares=("v1.embed",)), "", "did you mean v2.embed"),
        (RunOptions(declares=("POST /v3/chat",)), "", "did you mean POST /v[12]/chat"),
        (RunOptions(allow=("N9",)), "", "--allow N9"),
        (RunOptions(url="http://localhost", faults=("rerank.unsorted",)), "", "--fault"),
    ],
)
def test_an_invalid_option_is_a_usage_error(options: RunOptions, key: str, words: str) -> None:
    with pytest.raises(UsageError, match=words.replace("?", r"\?")) as caught:
        planned(options, key)
    assert KEY not in str(caught.value)


def test_no_key_is_seen_in_a_plan() -> None:
    assert KEY not in repr(planned(RunOptions(url=LIVE, live=True), key=KEY))


def test_further_keys_are_those_of_the_reference_server_or_of_the_environment() -> None:
    local = planned(RunOptions(url="http://localhost"))
    assert credentials(planned(RunOptions()), reference=False, environment={}) == {
        "trial": f"Bearer {TRIAL}",
        "expired": f"Bearer {EXPIRED}",
    }
    assert credentials(local, reference=False, environment={}) == {}
    assert credentials(local, reference=True, environment={})["trial"] == f"Bearer {TRIAL}"
    named = credentials(local, reference=False, environment={"CONFORMANCE_TRIAL_KEY": "t"})
    assert named == {"trial": "Bearer t"}

"""Each cause says who has to act on it; each test would be wrong under any other blame."""

from __future__ import annotations

from io import StringIO

import msgspec
import pytest
from rich.console import Console

from cohere_conformance.model import SEVERITY, Exchange, Finding, Kind, Request, Response, Source
from cohere_conformance.report import (
    Background,
    Correction,
    Header,
    Mode,
    Report,
    Tally,
    Target,
    explain_finding,
    render_html,
    render_markdown,
    render_terminal,
)
from cohere_conformance.report.causes.blame import Circumstances, blame_of
from cohere_conformance.report.formats import convert
from cohere_conformance.report.sdk_effect import SdkEffect, SdkOutcome
from cohere_conformance.report.shape import Blame

CHAT = "POST /v2/chat"
BACKGROUND = Background(
    corrections={
        "chat.defect": Correction("document-defect", "The document forbids what is always sent."),
        "chat.long-sent": Correction("observed-addition", "The server has long sent it."),
        "chat.new": Correction("sdk-addition", "An SDK declares it."),
    }
)
SERVER = Target(url="http://127.0.0.1:4000")
REFERENCE = Target(url="reference server (embedded)", serve=("serve", "--profile", "contract"))
FAULTY = msgspec.structs.replace(REFERENCE, serve=(*REFERENCE.serve, "--fault=chat.null-text"))


def found(
    kind: Kind, location: str = "/a", *, correction: str | None = None, requirement: str | None = None
) -> Finding:
    return Finding(
        kind=kind,
        severity=SEVERITY[kind],
        operation=CHAT,
        status=200,
        location=location,
        expected="type string",
        observed="3",
        correction=correction,
        requirement=requirement,
    )


def report(*findings: Finding, target: Target | None = None, exchanges: int = 1, clean: int = 0) -> Report:
    tally = Tally()
    for number in range(exchanges + clean):
        exchange = Exchange(
            Request("POST", "http://127.0.0.1:1/v2/chat", (), b"{}"),
            Response(200, (), b"{}"),
            Source("run", f"line {number}"),
        )
        tally.add(exchange, CHAT, findings if number < exchanges else (), "")
    header = Header(
        tool="t",
        version="1",
        contract_version="1",
        contract_digest="sha256:0",
        mode=Mode.AMENDED,
        inputs=(),
        started_at="2026-11-29T00:00:00Z",
        target=target,
    )
    return tally.finish(header, [CHAT], finished_at="2026-11-29T00:00:01Z", background=BACKGROUND)


def blame(*findings: Finding, target: Target | None = None) -> Blame:
    (cause,) = report(*findings, target=target).causes
    return cause.blame


@pytest.mark.parametrize("target", [None, SERVER, FAULTY])
def test_a_deviation_that_nothing_supports_is_the_servers(target: Target | None) -> None:
    assert blame(found(Kind.TYPE_CHANGED), target=target) is Blame.SERVER


def test_an_injected_fault_is_named() -> None:
    (cause,) = report(found(Kind.TYPE_CHANGED), target=FAULTY).causes
    assert cause.blame_reason == "The reference server has an injected fault: chat.null-text."


@pytest.mark.parametrize("kind", [Kind.REQUEST_INVALID, Kind.ROUTE_UNKNOWN])
def test_a_recorded_request_that_deviates_is_the_clients(kind: Kind) -> None:
    assert blame(found(kind)) is Blame.CLIENT


@pytest.mark.parametrize("kind", [Kind.REQUEST_INVALID, Kind.ROUTE_UNKNOWN])
def test_a_request_that_this_package_has_sent_is_not_the_clients(kind: Kind) -> None:
    assert blame(found(kind), target=SERVER) is Blame.HARNESS


def test_the_reference_server_without_a_fault_must_not_deviate() -> None:
    assert blame(found(Kind.TYPE_CHANGED), target=REFERENCE) is Blame.HARNESS


@pytest.mark.parametrize("amendment", ["chat.defect", "chat.long-sent", "several"])
def test_what_an_amendment_corrects_is_the_documents(amendment: str) -> None:
    assert blame(found(Kind.PROPERTY_MISSING, correction=amendment)) is Blame.DOCUMENT


def test_a_request_that_the_document_is_too_narrow_for_is_the_documents() -> None:
    assert blame(found(Kind.REQUEST_INVALID, correction="chat.long-sent")) is Blame.DOCUMENT


def test_what_only_an_sdk_declares_is_missing_in_the_contract() -> None:
    assert blame(found(Kind.PROPERTY_UNDOCUMENTED, correction="chat.new")) is Blame.CONTRACT_BEHIND


def test_a_model_that_is_not_listed_here_is_missing_in_the_contract() -> None:
    unknown = found(Kind.REQUIREMENT_VIOLATED, requirement="models.known")
    retired = found(Kind.REQUIREMENT_VIOLATED, requirement="models.none-retired")
    assert (blame(unknown), blame(retired)) == (Blame.CONTRACT_BEHIND, Blame.SERVER)


def test_the_server_has_to_act_as_long_as_one_finding_is_its_own() -> None:
    requirement = "chat.count"
    violated = [
        found(Kind.REQUIREMENT_VIOLATED, "/a", correction="chat.defect", requirement=requirement),
        found(Kind.REQUIREMENT_VIOLATED, "/b", requirement=requirement),
    ]
    (cause,) = report(*violated).causes
    assert cause.blame is Blame.SERVER
    assert cause.blame_reason.endswith("This is so for 1 of 2 findings of this cause.")


# -- with an SDK that declares what was sent


def with_sdk(kind: Kind, *, exchanges: int = 3, clean: int = 0) -> Blame:
    made = report(found(kind), exchanges=exchanges, clean=clean)
    known = {row.fingerprint: "cohere 9.9" for row in made.findings}
    return blame_of(made.findings, Circumstances(made.header, made.coverage, {}, known)).blame


@pytest.mark.parametrize(
    "kind",
    [Kind.PROPERTY_UNDOCUMENTED, Kind.ENUM_UNKNOWN, Kind.STREAM_EVENT_UNKNOWN, Kind.ROUTE_UNKNOWN],
)
def test_what_an_sdk_declares_besides_is_missing_in_the_contract(kind: Kind) -> None:
    assert with_sdk(kind) is Blame.CONTRACT_BEHIND


def test_a_contradiction_that_all_responses_and_an_sdk_show_is_the_documents() -> None:
    assert with_sdk(Kind.PROPERTY_MISSING) is Blame.DOCUMENT


def test_a_contradiction_that_some_responses_do_not_show_is_the_servers() -> None:
    assert with_sdk(Kind.PROPERTY_MISSING, clean=1) is Blame.SERVER


def test_two_responses_are_no_evidence_against_the_document() -> None:
    assert with_sdk(Kind.PROPERTY_MISSING, exchanges=2) is Blame.SERVER


# -- where it is shown


def test_all_formats_show_the_blame() -> None:
    made = report(found(Kind.PROPERTY_MISSING, correction="chat.defect"))
    says = "The document forbids what is always sent."
    shown = [
        render_markdown(made),
        render_html(made).decode("utf-8"),
        explain_finding(made, made.causes[0].id),
        msgspec.json.encode(made).decode("utf-8"),
    ]
    assert [says in text for text in shown] == [True] * 4


@pytest.mark.parametrize(("target", "shown"), [(SERVER, False), (REFERENCE, True)])
def test_the_terminal_shows_the_blame_unless_it_is_the_servers(target: Target, shown: bool) -> None:
    console = Console(file=StringIO(), width=100)
    render_terminal(report(found(Kind.TYPE_CHANGED), target=target), console)
    assert isinstance(console.file, StringIO)
    assert ("; blame: harness" in console.file.getvalue()) is shown
    render_terminal(report(found(Kind.TYPE_CHANGED), target=target), console, verbose=True)
    assert ("blame    harness: " in console.file.getvalue()) is shown


def test_a_cause_has_four_lines_whoever_has_to_act_and_whatever_sdks_do() -> None:
    made = report(found(Kind.TYPE_CHANGED), target=REFERENCE)
    effects = (
        SdkEffect(sdk="cohere 7.3.1", outcome=SdkOutcome.RAISES, exception="TypeError"),
        SdkEffect(sdk="cohere-ai 8.1.0", outcome=SdkOutcome.UNAFFECTED),
    )
    made = msgspec.structs.replace(
        made, causes=tuple(msgspec.structs.replace(cause, sdk_effects=effects) for cause in made.causes)
    )
    console = Console(file=StringIO(), width=200)
    render_terminal(made, console)
    assert isinstance(console.file, StringIO)
    _, _, causes = console.file.getvalue().partition("1 cause of 1 finding\n")
    head, change, shown, more = causes.splitlines()[:4]
    assert head.startswith(" 1 BREAKING")
    assert change.startswith("  change")
    assert shown.endswith("; blame: harness; cohere raises")
    assert more.startswith("  more")


@pytest.mark.parametrize(("name", "shown"), [("pull-request", "Harness: The"), ("github", "harness: The")])
def test_comments_and_annotations_show_the_blame_unless_it_is_the_servers(name: str, shown: str) -> None:
    texts = [
        convert(report(found(Kind.TYPE_CHANGED), target=target), name).decode()
        for target in (REFERENCE, SERVER)
    ]
    assert [shown in text for text in texts] == [True, False]

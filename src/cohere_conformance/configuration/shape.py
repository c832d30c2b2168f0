"""The keys of a configuration file, with what each may hold."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from cohere_conformance.model import Severity

LONGEST_TIME = 30 * 24 * 3600
"""Seconds of the longest time that any key may hold: 30 days."""

Text = Annotated[str, Meta(min_length=1, max_length=1000)]
Names = tuple[Annotated[str, Meta(min_length=1, max_length=200)], ...]
Positive = Annotated[float, Meta(gt=0, le=LONGEST_TIME)]
NotNegative = Annotated[float, Meta(ge=0, le=LONGEST_TIME)]


class Tls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """How the server and this client identify themselves.

    Attributes:
        verify: whether the certificate of the server is verified; false only for servers of your own.
        ca_file: file with the certificates (PEM) that are trusted instead of those of this machine.
        client_cert: file with the client certificate (PEM), and with its key unless client-key is given.
        client_key: file with the key of the client certificate (PEM).
    """

    verify: bool | UnsetType = UNSET
    ca_file: Text | UnsetType = UNSET
    client_cert: Text | UnsetType = UNSET
    client_key: Text | UnsetType = UNSET


class RunLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """How much is sent, and how long is waited.

    Attributes:
        max_requests: maximum number of requests of a run.
        max_billed: what may be billed at most, by unit, such as tokens=1500,search_units=40.
        time_limit: the whole run ends after this time, in seconds or as a text such as 5m or 1h.
        patience: seconds to wait for a dataset, job or training to be ready.
        request_timeout: seconds that one response may take.
        n: number of processes.
    """

    max_requests: Annotated[int, Meta(ge=1, le=10**9)] | UnsetType = UNSET
    max_billed: Text | UnsetType = UNSET
    time_limit: Positive | Text | UnsetType = UNSET
    patience: NotNegative | UnsetType = UNSET
    request_timeout: Positive | UnsetType = UNSET
    n: Annotated[int, Meta(ge=1, le=64)] | UnsetType = UNSET


class GateConditions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """What the command gate requires.

    Attributes:
        min: least coverage in percent: of operation, status, property, event or enum-value.
        no_new_cause: whether causes that earlier runs had as well are tolerated.
        baseline_days: days for which every entry of the baseline must still be valid.
        sdk: SDKs whose declarations the contract must have, such as cohere==7.3.1.
        document: OpenAPI document, a file or a URL, that the contract must not be behind.
    """

    min: dict[str, Annotated[float, Meta(ge=0, le=100)]] | UnsetType = UNSET
    no_new_cause: bool | UnsetType = UNSET
    baseline_days: Annotated[int, Meta(ge=0, le=3650)] | UnsetType = UNSET
    sdk: Names | UnsetType = UNSET
    document: Text | UnsetType = UNSET


class Configuration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """What a configuration file says; options of the command line win over it.

    Attributes:
        name: what the target is called in reports.
        url: base URL of the target, or unix:///PATH for a Unix socket.
        base_path: path below the URL at which the API begins, such as /cohere.
        own: whether the host of the URL is yours, so that http and every operation are allowed; never for
            the vendor's hosts.
        key_variable: environment variable with the key; an empty text sends no key.
        headers: header fields of every request, such as X-Tenant; a value may refer to an environment
            variable as ${TENANT}, and a credential has to.
        tls: certificates.
        declares: what the target implements: groups (chat), groups of one version (v2.chat), operations
            (POST /v2/chat); everything if not given.
        without: features that the target does not have, such as tools or citations.
        models: the model of each role of the cases, such as chat or rerank.
        protocol_only: whether only shape, framing, statuses and errors are tested, not content.
        sdk_effect: whether deviating responses are parsed with the official SDK as well.
        sdk_effect_node: folder with the official TypeScript SDK in node_modules, to do the same with.
        profile: expected behaviour, contract or live-2026.
        fail_on: least severity that makes the exit code 1.
        limits: how much is sent, and how long is waited.
        baseline: file with accepted deviations.
        history: file with earlier runs, to compare with and add to, or `none`.
        ledger: file in which it is noted what runs create on the target.
        observed: file with observed shapes to compare responses with, `shipped`, `none`, or `auto`.
        cassettes: folder of the golden cassettes.
        report_dir: folder of the report.
        gate: what the command gate requires.
    """

    name: Annotated[str, Meta(min_length=1, max_length=80)] | UnsetType = UNSET
    url: Text | UnsetType = UNSET
    base_path: Text | UnsetType = UNSET
    own: bool | UnsetType = UNSET
    key_variable: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET
    headers: dict[str, Text] | UnsetType = UNSET
    tls: Tls | UnsetType = UNSET
    declares: Names | UnsetType = UNSET
    without: Names | UnsetType = UNSET
    models: dict[str, Text] | UnsetType = UNSET
    protocol_only: bool | UnsetType = UNSET
    sdk_effect: bool | UnsetType = UNSET
    sdk_effect_node: Text | UnsetType = UNSET
    profile: Text | UnsetType = UNSET
    fail_on: Severity | UnsetType = UNSET
    limits: RunLimits | UnsetType = UNSET
    baseline: Text | UnsetType = UNSET
    history: Text | UnsetType = UNSET
    ledger: Text | UnsetType = UNSET
    observed: Text | UnsetType = UNSET
    cassettes: Text | UnsetType = UNSET
    report_dir: Text | UnsetType = UNSET
    gate: GateConditions | UnsetType = UNSET


TABLES: dict[str, type[msgspec.Struct]] = {"tls": Tls, "limits": RunLimits, "gate": GateConditions}
"""The tables with keys of their own."""


def keys(shape: type[msgspec.Struct]) -> tuple[str, ...]:
    """Return the keys of a table as they are written."""
    return shape.__struct_encode_fields__


def given(table: Any) -> dict[str, Any]:
    """Return the keys of a table that are given, with their values."""
    named = zip(table.__struct_encode_fields__, table.__struct_fields__, strict=True)
    return {key: value for key, field in named if (value := getattr(table, field)) is not UNSET}

"""The formats of files: those that are parsed, and those that are only recognised."""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Set


class Format(enum.StrEnum):
    """The format of a file."""

    HAR = "HAR"
    VCR_YAML = "VCR cassette (YAML)"
    VCR_JSON = "VCR cassette (JSON)"
    RUBY_VCR_JSON = "Ruby VCR cassette (JSON)"
    JSONL = "JSON Lines"
    RECORDS = "JSON document of records"
    HTTPMOCK = "httpmock mocks (YAML)"
    HTTPRR = "httprr trace"
    PARQUET = "Parquet"
    CURL = "output of curl -v"
    SSE = "server-sent events without their request"
    MITMPROXY = "mitmproxy flows"
    POSTMAN = "Postman collection"
    PCAP = "packet capture"
    CURL_TRACE = "trace of curl"
    MESSAGES = "HTTP messages as text"
    WARC = "web archive (WARC)"
    ACCESS_LOG = "access log"
    CHARLES = "Charles session"
    INSOMNIA = "Insomnia export"
    PACT = "Pact contract"
    MOCKSERVER = "MockServer expectations"
    MOUNTEBANK = "mountebank imposters"
    TALKBACK = "talkback tape"
    RESPONSES = "recording of the Python package responses"
    PHP_VCR = "PHP-VCR cassette (YAML)"
    TELEMETRY = "OpenTelemetry export"
    LITELLM = "log of LiteLLM"
    OPENAPI = "OpenAPI document"
    SQLITE = "SQLite database"
    XML = "XML or HTML document"
    ZIP = "ZIP archive"
    PACKED = "file compressed by something else than gzip or zstd"
    PACKED_TWICE = "file compressed twice"
    UTF16 = "text in UTF-16 or UTF-32"
    OTHER_LINES = "JSON Lines without exchanges"
    OTHER_DOCUMENT = "a JSON or YAML document without exchanges"
    UNKNOWN = "unknown"
    EMPTY = "empty"


class DetectedFormat(NamedTuple):
    """The format that was recognised in a file.

    Attributes:
        format: the format.
        path: location of the records in a JSON document, in the notation of ijson.
    """

    format: Format
    path: str = ""


ADVICE = {
    Format.SSE: "put each with its request into JSON Lines, as response_body",
    Format.MITMPROXY: "export them as HAR: mitmdump -nr FILE --set hardump=FILE.har",
    Format.POSTMAN: "run it through a proxy that writes HAR; saved examples are no recordings",
    Format.PCAP: "record with a proxy that writes HAR: a capture is encrypted",
    Format.CURL_TRACE: "record the output of curl -v instead",
    Format.MESSAGES: "put each request with its response into JSON Lines",
    Format.WARC: "export the traffic as HAR",
    Format.ACCESS_LOG: "record with a proxy that writes HAR: the log has no bodies",
    Format.CHARLES: "export the session as HAR",
    Format.INSOMNIA: "send the requests through a proxy that writes HAR: the export has no responses",
    Format.PACT: "record the traffic of its verification with a proxy that writes HAR",
    Format.MOCKSERVER: "start the server and call `run --url`; or record its traffic as HAR",
    Format.MOUNTEBANK: "start the server and call `run --url`; or record its traffic as HAR",
    Format.TALKBACK: "start the server and call `run --url`; or record its traffic as HAR",
    Format.RESPONSES: "record with VCR.py: the bodies of requests are missing",
    Format.PHP_VCR: "store it as JSON (`setStorage('json')`)",
    Format.TELEMETRY: "record with a proxy that writes HAR: spans have no bodies",
    Format.LITELLM: "record the HTTP traffic, for example with `proxy`",
    Format.OPENAPI: "it describes an API; name recorded traffic",
    Format.SQLITE: "name recorded traffic",
    Format.XML: "export the traffic as HAR",
    Format.ZIP: "unpack it and name what is in it",
    Format.PACKED: "decompress it, or compress it by gzip or zstd",
    Format.PACKED_TWICE: "decompress it once",
    Format.UTF16: "save it as UTF-8 (PowerShell: Out-File -Encoding utf8)",
}
"""What to do with the formats that are recognised but not parsed."""

_SIGNATURES = (
    (re.compile(rb"PK\x03\x04|PK\x05\x06"), Format.ZIP),
    (re.compile(rb"\x1f\x8b|\x28\xb5\x2f\xfd"), Format.PACKED_TWICE),
    (re.compile(rb"BZh[1-9]|\xfd7zXZ\x00"), Format.PACKED),
    (re.compile(rb"\xff\xfe|\xfe\xff|\x00[\[{\"i-]|[\[{\"i-]\x00"), Format.UTF16),
    (re.compile(rb"[\xd4\x4d]\xc3\xb2\xa1|\xa1\xb2[\xc3\x3c][\xd4\x4d]|\x0a\x0d\x0d\x0a"), Format.PCAP),
    (re.compile(rb"httprr trace v\d"), Format.HTTPRR),
    (re.compile(rb"PAR1"), Format.PARQUET),
    (re.compile(rb"\d{1,12}:\d{1,3}:[a-z_]+[;,]"), Format.MITMPROXY),
    (re.compile(rb"SQLite format 3\x00"), Format.SQLITE),
    (re.compile(rb"WARC/\d"), Format.WARC),
    (re.compile(rb"(?:[\d:.]+ )?(?:== Info:|=> Send )"), Format.CURL_TRACE),
    (
        re.compile(
            rb"(?:###[^\n]*\n)?\s*(?:[A-Z]{3,7} (?:https?://\S+|\S+ HTTP/\d)|HTTP/\d(?:\.\d)? \d{3}\b)"
        ),
        Format.MESSAGES,
    ),
    (re.compile(rb'\S+ \S+ \S+ \[[^\]\n]+\] "[A-Z]{3,7} \S+ HTTP/\d'), Format.ACCESS_LOG),
    (re.compile(rb"(?:---\s+)?['\"]?(?:openapi|swagger)['\"]?:\s"), Format.OPENAPI),
    (re.compile(rb"(?:---\s+)?responses:\s+-\s+response:\s"), Format.RESPONSES),
    (re.compile(rb"\s*(?:---\s+)?-\s+request:\s"), Format.PHP_VCR),
    (re.compile(rb"\s*\{\s*meta:\s"), Format.TALKBACK),
    (re.compile(rb"\s*<(?:\?xml|!doctype|html|items)", re.IGNORECASE), Format.XML),
)
"""What the first bytes of a file say."""
_KEYS = (
    (frozenset({"info", "item"}), Format.POSTMAN),
    (frozenset({"consumer", "interactions"}), Format.PACT),
    (frozenset({"__export_format"}), Format.INSOMNIA),
    (frozenset({"protocolVersion", "scheme", "host"}), Format.CHARLES),
    (frozenset({"httpRequest", "httpResponse"}), Format.MOCKSERVER),
    (frozenset({"protocol", "stubs"}), Format.MOUNTEBANK),
    (frozenset({"imposters"}), Format.MOUNTEBANK),
    (frozenset({"resourceSpans"}), Format.TELEMETRY),
    (frozenset({"resourceLogs"}), Format.TELEMETRY),
    (frozenset({"litellm_call_id"}), Format.LITELLM),
    (frozenset({"openapi", "info"}), Format.OPENAPI),
    (frozenset({"swagger", "info"}), Format.OPENAPI),
)
"""The keys of a JSON object, alone or the first one of an array, that is no recording we parse."""
_REQUESTED = re.compile(rb"^> [A-Z]{3,12} \S+ HTTP/[\d.]+\r?$", re.MULTILINE)
_RESPONDED = re.compile(rb"^< HTTP/[\d.]+ \d{3}", re.MULTILINE)
_FROM_CURL = re.compile(rb"\s*(?:[*>{%]|Note: |Warning: )")
_EVENT = re.compile(rb"(?::|event|data|id|retry)(?::|$)")
_MOCK = (re.compile(rb"^when:[ \t]*\r?$", re.MULTILINE), re.compile(rb"^then:[ \t]*\r?$", re.MULTILINE))


def by_keys(keys: Set[str]) -> Format | None:
    """Return the format that the keys of a JSON document show, if it is recognised but not parsed."""
    return next((form for wanted, form in _KEYS if wanted <= keys), None)


def by_signature(head: bytes) -> Format | None:
    """Return the format that the first bytes of a file show; `None` where they show none of these."""
    if found := next((form for pattern, form in _SIGNATURES if pattern.match(head)), None):
        return found
    # A text is found, or not, in a tenth of the time that the expressions take.
    if b"> " in head and _FROM_CURL.match(head) and _REQUESTED.search(head) and _RESPONDED.search(head):
        return Format.CURL
    if b"when:" in head and all(pattern.search(head) for pattern in _MOCK):
        return Format.HTTPMOCK
    first = [line for line in head[:4096].splitlines()[:8] if line.strip()]
    if any(b"data:" in line for line in first) and all(_EVENT.match(line) for line in first[:-1] or first):
        return Format.SSE
    return None

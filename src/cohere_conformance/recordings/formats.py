"""The formats of files: those that are parsed, and those that are only recognised."""

from __future__ import annotations

import enum
import re
from typing import NamedTuple


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
    (re.compile(rb"\s*<(?:\?xml|!doctype|html|items)", re.IGNORECASE), Format.XML),
)
"""What the first bytes of a file say."""
_REQUESTED = re.compile(rb"^> [A-Z]{3,12} \S+ HTTP/[\d.]+\r?$", re.MULTILINE)
_RESPONDED = re.compile(rb"^< HTTP/[\d.]+ \d{3}", re.MULTILINE)
_FROM_CURL = re.compile(rb"\s*(?:[*>{%]|Note: |Warning: )")
_EVENT = re.compile(rb"(?::|event|data|id|retry)(?::|$)")
_MOCK = (re.compile(rb"^when:[ \t]*\r?$", re.MULTILINE), re.compile(rb"^then:[ \t]*\r?$", re.MULTILINE))


def by_signature(head: bytes) -> Format | None:
    """Return the format that the first bytes of a file show; `None` where they show none of these."""
    if found := next((form for pattern, form in _SIGNATURES if pattern.match(head)), None):
        return found
    if _FROM_CURL.match(head) and _REQUESTED.search(head) and _RESPONDED.search(head):
        return Format.CURL
    if all(pattern.search(head) for pattern in _MOCK):
        return Format.HTTPMOCK
    first = [line for line in head[:4096].splitlines()[:8] if line.strip()]
    if any(b"data:" in line for line in first) and all(_EVENT.match(line) for line in first[:-1] or first):
        return Format.SSE
    return None

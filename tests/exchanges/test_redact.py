import pytest

from cohere_conformance.exchanges import redact


@pytest.mark.parametrize(
    "name",
    "authorization Authorization PROXY-AUTHORIZATION x-api-key X-API-KEY api_key apikey cookie Set-Cookie "
    "x-auth-token x-amz-security-token ocp-apim-subscription-key client-secret".split(),
)
def test_credentials_in_headers(name: str) -> None:
    assert redact.headers(((name, "s3cret"),)) == ((name, "[redacted]"),)


@pytest.mark.parametrize(
    "name",
    "content-type num_tokens x-debug-trace-id access-control-allow-credentials x-trial-endpoint-call-limit "
    "access-control-expose-headers x-client-name www-authenticate".split(),
)
def test_other_headers_stay(name: str) -> None:
    assert redact.headers(((name, "value"),)) == ((name, "value"),)


def test_order_and_repetition_stay() -> None:
    fields = (("b", "1"), ("set-cookie", "x"), ("a", "2"), ("set-cookie", "y"))
    assert [name for name, _ in redact.headers(fields)] == ["b", "set-cookie", "a", "set-cookie"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://h/p?api_key=s&x=1", "https://h/p?api_key=[redacted]&x=1"),
        ("https://h/p?x=%7e&API-KEY=s", "https://h/p?x=%7e&API-KEY=[redacted]"),
        ("https://h/p?api%5Fkey=s", "https://h/p?api%5Fkey=[redacted]"),
        (
            "https://h/p?key=a&token=b&access_token=c=d",
            "https://h/p?key=[redacted]&token=[redacted]&access_token=[redacted]",
        ),
        ("https://h/p?X-Amz-Signature=s&X-Amz-Date=d", "https://h/p?X-Amz-Signature=[redacted]&X-Amz-Date=d"),
        ("https://user:pass@h:8/p@q?x", "https://h:8/p@q?x"),
        ("https://h/p#access_token=s", "https://h/p#access_token=[redacted]"),
        (
            "https://h/p?page_token=t&page_size=2&keyword=k&token",
            "https://h/p?page_token=t&page_size=2&keyword=k&token",
        ),
        ("https://h/p?x=a%20b+c&&y=", "https://h/p?x=a%20b+c&&y="),
        ("https://[::1]:80/p", "https://[::1]:80/p"),
        ("https://[broken/p?key=s", "https://[broken/p?key=[redacted]"),
        ("/v1//a@b", "/v1//a@b"),
        ("", ""),
    ],
)
def test_credentials_in_addresses(url: str, expected: str) -> None:
    assert redact.url(url) == expected
    assert redact.url(expected) == expected


def test_addresses_in_headers() -> None:
    fields = (("location", "https://h/p?signature=s"),)
    assert redact.headers(fields) == (("location", "https://h/p?signature=[redacted]"),)

"""The header of a report as it is written: without passwords, in valid UTF-8."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.report.example import LONGEST_PATH, clean, without_password

if TYPE_CHECKING:
    from cohere_conformance.report.header import Header, Target


def shown_header(header: Header) -> Header:
    """Return a header whose paths, arguments and URL may be written."""
    return msgspec.structs.replace(
        header,
        inputs=tuple(clean(path, LONGEST_PATH) for path in header.inputs),
        arguments=tuple(clean(without_password(argument)) for argument in header.arguments),
        target=header.target and _shown(header.target),
    )


def _shown(target: Target) -> Target:
    return msgspec.structs.replace(
        target,
        url=clean(without_password(target.url)),
        profile=clean(target.profile),
        declares=tuple(map(clean, target.declares)),
        without=tuple(map(clean, target.without)),
        serve=tuple(map(clean, target.serve)),
    )

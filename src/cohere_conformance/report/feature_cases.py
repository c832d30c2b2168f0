"""How the cases ended that need a feature."""

from typing import Annotated

import msgspec

_Count = Annotated[int, msgspec.Meta(ge=0)]


class FeatureCases(msgspec.Struct, frozen=True, kw_only=True):
    """How the cases ended whose request needs a feature and should be served.

    Attributes:
        feature: its id, for `--without`.
        title: its name.
        passed: cases without a deviation.
        failed: cases that show a deviation.
        lacking: how many of these got a response that does not show the feature.
        inconclusive: cases whose responses say nothing about the API, or in which the harness failed.
        skipped: cases that were left out.
    """

    feature: str
    title: str
    passed: _Count
    failed: _Count
    lacking: _Count = 0
    inconclusive: _Count = 0
    skipped: _Count = 0

"""Parses the responses in golden cassettes with the official SDK.

The SDK is an extra. Modules that import it are imported only for a replay.
"""

from cohere_conformance.golden.sdk.replaying import replay
from cohere_conformance.golden.sdk.result import Loss, SdkFailure, SdkReplay
from cohere_conformance.golden.sdk.showing import as_json, render, summary
from cohere_conformance.sdk.loss import LossKind
from cohere_conformance.sdk.parsing import installed

__all__ = [
    "Loss",
    "LossKind",
    "SdkFailure",
    "SdkReplay",
    "as_json",
    "installed",
    "render",
    "replay",
    "summary",
]

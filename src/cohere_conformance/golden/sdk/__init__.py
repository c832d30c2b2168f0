"""Golden cassettes through the official SDK: what it makes of every recorded answer.

The SDK is an extra. What imports it is imported only when something is replayed.
"""

from cohere_conformance.golden.sdk.replaying import installed, replay
from cohere_conformance.golden.sdk.result import Failure, Loss, SdkReplay, What
from cohere_conformance.golden.sdk.showing import as_json, render, summary

__all__ = ["Failure", "Loss", "SdkReplay", "What", "as_json", "installed", "render", "replay", "summary"]

"""What the installed official SDK adds to a report: how it parses responses, and what it declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.errors import DescriptionError
from cohere_conformance.report import with_declarations

if TYPE_CHECKING:
    from cohere_conformance.report import Background, Report


def with_sdk(report: Report, background: Background) -> Report:
    """Return a report whose causes are blamed with what the installed SDK declares as well.

    Args:
        report: of the run.
        background: what explains its findings.
    """
    if not report.causes:
        return report
    from cohere_conformance.drift.sources import facts_of
    from cohere_conformance.drift.supporting import supported

    try:
        facts = facts_of("sdk")
    except DescriptionError:
        # It parses responses, but its sources are not here to be looked at.
        return report
    return with_declarations(report, background, supported(facts, report.findings))

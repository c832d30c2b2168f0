"""The report: a value, built from judged exchanges, written and read back, and rendered by pure functions."""

from cohere_conformance.report.build import Tally
from cohere_conformance.report.causes import Background, Correction
from cohere_conformance.report.causes.blame import with_declarations
from cohere_conformance.report.configuration_used import ConfigurationUsed
from cohere_conformance.report.coverage import (
    CaseCoverage,
    CaseEnd,
    CaseOutcome,
    Exercise,
    FuzzCoverage,
    Waiting,
)
from cohere_conformance.report.deprecated import DeprecatedKind, Deprecation, KnownDeprecation
from cohere_conformance.report.ended import Ended, clear_ended, write_ended
from cohere_conformance.report.explain import explain_finding, explain_kind
from cohere_conformance.report.from_journal import report_of
from cohere_conformance.report.fuzzed import Fuzzing
from cohere_conformance.report.header import AcceptedDrift, ComparedShapes, GoldenCounts, Header, Mode, Target
from cohere_conformance.report.journal import (
    Journal,
    WorkerJournal,
    clear_journals,
    has_journals,
    read_journals,
)
from cohere_conformance.report.line import Closing, Opening, Record
from cohere_conformance.report.loading import load
from cohere_conformance.report.merging import merged_header
from cohere_conformance.report.night import LaterNight, NightPlan
from cohere_conformance.report.render.html import render as render_html
from cohere_conformance.report.render.json import render as render_json
from cohere_conformance.report.render.markdown import render as render_markdown
from cohere_conformance.report.render.terminal import render as render_terminal
from cohere_conformance.report.role_model import RoleModel
from cohere_conformance.report.run_parts import RunPart, run_part
from cohere_conformance.report.sdk_effect import SdkParse
from cohere_conformance.report.shape import Report, Row, Sentences
from cohere_conformance.report.verdict import exit_code, process_code
from cohere_conformance.report.write import write

__all__ = [
    "AcceptedDrift",
    "Background",
    "CaseCoverage",
    "CaseEnd",
    "CaseOutcome",
    "Closing",
    "ComparedShapes",
    "ConfigurationUsed",
    "Correction",
    "DeprecatedKind",
    "Deprecation",
    "Ended",
    "Exercise",
    "FuzzCoverage",
    "Fuzzing",
    "GoldenCounts",
    "Header",
    "Journal",
    "KnownDeprecation",
    "LaterNight",
    "Mode",
    "NightPlan",
    "Opening",
    "Record",
    "Report",
    "RoleModel",
    "Row",
    "RunPart",
    "SdkParse",
    "Sentences",
    "Tally",
    "Target",
    "Waiting",
    "WorkerJournal",
    "clear_ended",
    "clear_journals",
    "exit_code",
    "explain_finding",
    "explain_kind",
    "has_journals",
    "load",
    "merged_header",
    "process_code",
    "read_journals",
    "render_html",
    "render_json",
    "render_markdown",
    "render_terminal",
    "report_of",
    "run_part",
    "with_declarations",
    "write",
    "write_ended",
]

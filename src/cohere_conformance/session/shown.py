"""Cleans what pytest prints and logs: removes keys and control characters.

Text from a server gets into failures, locals, log records and warnings, and from there into a terminal or the
log of a CI service, which may interpret parts of it as commands.
"""

from __future__ import annotations

import dataclasses
import logging
import re
import traceback
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from cohere_conformance.privacy import redact
from cohere_conformance.report.render.safe import lines, plain

if TYPE_CHECKING:
    import warnings
    from collections.abc import Callable, Collection, Generator

    from cohere_conformance.privacy.secret import Secret

_Report = TypeVar("_Report", pytest.TestReport, pytest.CollectReport)

_LONGEST_MESSAGE = 4000
_DEEPEST = 12
# How Python writes a header field: as a pair, of bytes or of text.
_FIELD = re.compile(r"""(\(b?(['"])([\w-]{1,64})\2,\s*b?)(['"])((?:(?!\4)[^\\]|\\.)*)\4""")


class Cleaner:
    """Cleans texts of any kind.

    Args:
        keys: removed in every form.
    """

    def __init__(self, keys: Collection[Secret]) -> None:
        self._keys = tuple(keys)

    def text(self, text: str) -> str:
        """Return a text of several lines without credentials and control characters."""
        return lines(self._without_credentials(text))

    def message(self, text: str) -> str:
        """Return the message of a log record on one line, cleaned likewise."""
        return plain(self._without_credentials(text), longest=_LONGEST_MESSAGE)

    def _without_credentials(self, text: str) -> str:
        for key in self._keys:
            text = key.scrub_text(text)
        return redact.text(_FIELD.sub(_redacted_field, text))

    def tree(self, value: Any, depth: int = 0) -> Any:
        """Return the representation of a failure with every text cleaned; objects are changed in place."""
        if depth > _DEEPEST:
            return value
        match value:
            case str():
                return self.text(value)
            case list() | tuple():
                return type(value)(self.tree(item, depth + 1) for item in value)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            for field in dataclasses.fields(value):
                cleaned = self.tree(getattr(value, field.name), depth + 1)
                object.__setattr__(value, field.name, cleaned)
            if sections := getattr(value, "sections", None):
                object.__setattr__(value, "sections", self.tree(sections, depth + 1))
        return value


def _redacted_field(match: re.Match[str]) -> str:
    ((_, value),) = redact.headers(((match[3].lower(), match[5]),))
    return f"{match[1]}{match[4]}{value}{match[4]}"


def guard_logs(cleaner: Cleaner) -> Callable[[], None]:
    """Clean every log record of this process as it is created, and return a function that ends that.

    A filter of a logger would miss the records of its children, and a filter of a handler those that pytest
    adds for each test.

    Args:
        cleaner: cleans messages, tracebacks and stacks.
    """
    before = logging.getLogRecordFactory()

    def made(*arguments: Any, **further: Any) -> logging.LogRecord:
        record = before(*arguments, **further)
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):
            message = f"{record.msg} {record.args}"
        record.msg, record.args = cleaner.message(message), None
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = cleaner.text("".join(traceback.format_exception(*record.exc_info))).rstrip("\n")
        if record.stack_info:
            record.stack_info = cleaner.text(record.stack_info)
        return record

    logging.setLogRecordFactory(made)
    return lambda: logging.setLogRecordFactory(before)


class Showing:
    """Cleans what pytest shows: failures, what was captured, warnings, log records and its own errors.

    A plugin of pytest, for as long as it is registered.

    Args:
        cleaner: cleans the texts.
    """

    def __init__(self, cleaner: Cleaner) -> None:
        self._cleaner = cleaner
        self._end = guard_logs(cleaner)

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """Stop cleaning the log records of this process."""
        self._end()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Clean the report of a test before any plugin or process gets it."""
        return self._cleaned((yield))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Clean the report of a collection likewise."""
        return self._cleaned((yield))

    def _cleaned(self, report: _Report) -> _Report:
        report.longrepr = self._cleaner.tree(report.longrepr)
        report.sections = [(name, self._cleaner.text(text)) for name, text in report.sections]
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_internalerror(self, excrepr: object) -> None:
        """Clean what is shown of an error of pytest, or of a plugin."""
        self._cleaner.tree(excrepr)

    @pytest.hookimpl(tryfirst=True)
    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        """Clean the text of a warning."""
        if isinstance(warning_message.message, Warning):
            warning_message.message.args = (self._cleaner.text(str(warning_message.message)),)

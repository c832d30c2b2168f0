"""Errors of the API, raised wherever a request turns out to be invalid."""

from __future__ import annotations


class ApiError(Exception):
    """An error that the API responds with.

    Args:
        status: HTTP status.
        message: the message of the body.
        error_type: an undocumented property of some errors (E-03).
        traced: false if the live API rejects it before the application, without a trace id (G-08).
    """

    def __init__(
        self, status: int, message: str, *, error_type: str | None = None, traced: bool = True
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.error_type = error_type
        self.traced = traced

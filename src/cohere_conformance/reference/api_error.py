"""Errors of the API, raised wherever one is noticed."""

from __future__ import annotations


class ApiError(Exception):
    """An error that the API answers with.

    Args:
        status: HTTP status.
        message: what the envelope says.
        error_type: the undocumented property that some errors carry (E-03).
        traced: false for what is refused before the application is reached (G-08).
    """

    def __init__(
        self, status: int, message: str, *, error_type: str | None = None, traced: bool = True
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.error_type = error_type
        self.traced = traced

"""What the HTTP server refuses before there is a request, such as a broken first line, in the shape of all errors."""

from __future__ import annotations

import json
import secrets

from waitress.channel import HTTPChannel
from waitress.task import ErrorTask

from chat.guard.headers import SECURITY_HEADERS

# By status: the code, and what is said. Nothing of what came is repeated.
_WORDS = {
    400: ("bad_request", "this is not HTTP as it is written down"),
    413: ("body_too_large", "the request is larger than this server reads"),
    431: ("header_too_large", "the headers of the request are larger than this server reads"),
    501: ("not_implemented", "this server does not know that transfer encoding"),
}


class JsonErrorTask(ErrorTask):
    """Answers one such request."""

    def execute(self) -> None:
        """Send the answer and let the connection go."""
        error = self.request.error
        code, message = _WORDS.get(error.code, ("internal_error", "something broke in the server"))
        kind = "server_error" if error.code == 500 else "invalid_request_error"
        shape = {"type": kind, "code": code, "message": message, "param": None, "hint": None}
        body = json.dumps({"error": shape}).encode() + b"\n"
        self.status = f"{error.code} {error.reason}"
        self.response_headers += [
            *SECURITY_HEADERS.items(),
            ("Content-Type", "application/json"),
            ("Cache-Control", "no-store"),
            ("X-Request-Id", secrets.token_hex(8)),
        ]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class Channel(HTTPChannel):
    """A connection whose early errors are ours."""

    error_task_class = JsonErrorTask

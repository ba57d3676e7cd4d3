"""The client of Prometheus and Alertmanager: whatever this project asks them goes through here."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

from vae_exporter.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Mapping

_READY_SECONDS = 1.0


class AnswerError(StackError):
    """A server does not answer, or refuses the request. The message has its address and its own words."""


@dataclass(frozen=True)
class Series:
    """A series in an answer of Prometheus: its labels, and its values by time in Unix seconds, oldest first."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]

    @property
    def value(self) -> float:
        """The newest value."""
        return self.points[-1][1]


@dataclass(frozen=True)
class _Api:
    """A server at *url*, for example ``http://127.0.0.1:9090``. It is given *timeout* seconds for each answer."""

    url: str
    timeout: float = 30.0

    name: ClassVar[str]

    def is_ready(self) -> bool:
        """Return whether the server has started and takes requests. Waits for 1 second at most."""
        try:
            self._ask("/-/ready", _READY_SECONDS)
        except OSError:
            return False
        return True

    def check_health(self) -> None:
        """Return if the server answers.

        Raises:
            OSError: it does not.
        """
        self._ask("/-/healthy", self.timeout)

    def _json(self, path: str, **parameters: object) -> Any:  # noqa: ANN401 - JSON
        if not self.url.startswith(("http://", "https://")):
            raise AnswerError(f"{self.url!r} is no address of {self.name}; give one like http://127.0.0.1:9090")
        try:
            return json.loads(self._ask(f"/api/{path}?{urlencode(parameters)}", self.timeout))
        except urllib.error.HTTPError as error:
            raise AnswerError(f"{self.url} refused {path.partition('/')[2]}: {_words(error)}") from error
        except (OSError, ValueError) as error:
            raise AnswerError(f"{self.url} does not answer as {self.name} does: {error}") from error

    def _ask(self, path: str, timeout: float) -> bytes:
        address = f"{self.url.rstrip('/')}{path}"
        with urllib.request.urlopen(address, timeout=timeout) as answer:  # noqa: S310 - http: `_json` checks, or our own
            return bytes(answer.read())


@dataclass(frozen=True)
class Prometheus(_Api):
    """A Prometheus. Each of its methods raises AnswerError if the server does not answer, or refuses the query."""

    name = "Prometheus"

    def query(self, expression: str, *, at: float | None = None) -> list[Series]:
        """Return the series that *expression* gives at *at*, in Unix seconds; by default now."""
        when = {} if at is None else {"time": f"{at:.3f}"}
        data = self._data("query", query=expression, **when)
        return [_series(found, [found["value"]]) for found in data["result"]]

    def value(self, expression: str) -> float | None:
        """Return the value of the first series that *expression* gives now; None if it gives none."""
        found = self.query(expression)
        return found[0].value if found else None

    def query_range(self, expression: str, *, start: float, end: float, step: float) -> list[Series]:
        """Return the series that *expression* gives from *start* to *end*, in Unix seconds, every *step* seconds."""
        data = self._data("query_range", query=expression, start=f"{start:.3f}", end=f"{end:.3f}", step=step)
        return [_series(found, found["values"]) for found in data["result"]]

    def label_values(self, expression: str, label: str) -> list[str]:
        """Return the value of *label* on each series that *expression* gives now, sorted."""
        return sorted(series.labels.get(label, "") for series in self.query(expression))

    def label_values_ever(self, series: str, label: str) -> list[str]:
        """Return the different values that *label* has had on *series*, as far back as the server remembers."""
        return list(self._data(f"label/{label}/values", **{"match[]": series}))

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that are pending or firing, with their ``labels``, ``annotations`` and ``state``."""
        return list(self._data("alerts")["alerts"])

    def _data(self, path: str, **parameters: object) -> Any:  # noqa: ANN401 - JSON
        answer = self._json(f"v1/{path}", **parameters)
        try:
            return answer["data"]
        except (KeyError, TypeError) as error:
            raise AnswerError(f"{self.url} does not answer as {self.name} does: {error}") from error


@dataclass(frozen=True)
class Alertmanager(_Api):
    """An Alertmanager. `alerts` raises AnswerError if the server does not answer."""

    name = "Alertmanager"

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that it knows, with their ``labels`` and ``status``."""
        return list(self._json("v2/alerts"))


def _series(found: Mapping[str, Any], points: list[tuple[float, str]]) -> Series:
    return Series(found["metric"], tuple((float(at), float(value)) for at, value in points))


def _words(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["error"])
    except (ValueError, KeyError, TypeError):
        return f"{error.code} {error.reason}"

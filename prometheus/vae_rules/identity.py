"""The labels that identify a run. In a store of several clusters, the name alone does not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_GROUPING = re.compile(r"\b(by|on) \(run\b")
_ALERTMANAGER_LIST = re.compile(r"\b(group_by|equal): \[run\b")
_ALERTMANAGER_MATCHER = """'run=~".+"'"""
_QUERY = re.compile(r"<<(.*?)>>", re.DOTALL)
_GRAPH = re.compile(r"<graph (.*?) graph>", re.DOTALL)
_LABEL = re.compile(r"@(\.?)(\w+)")
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_NAME = "{{ $labels.run }}"
_VARIABLES = "<variables>"


def are_label_names(labels: Sequence[str]) -> bool:
    """Return whether *labels* are valid label names, each once."""
    return len(set(labels)) == len(labels) and all(map(_LABEL_NAME.fullmatch, labels))


@dataclass(frozen=True)
class Identity:
    """The labels of a run, its name last: ``("run",)``, or ``("cluster", "run")``."""

    labels: tuple[str, ...] = ("run",)

    @classmethod
    def parse(cls, text: str) -> Identity:
        """Return the identity of *text*, label names separated by commas.

        Raises:
            ValueError: A name is not a valid label name, one is repeated, or the last is not ``run``.
        """
        labels = tuple(text.split(","))
        if labels[-1] != "run" or not are_label_names(labels):
            raise ValueError(f"identity must be label names that end with run, like cluster,run; got {text!r}")
        return cls(labels)

    def of_promql(self, expr: str) -> str:
        """Return *expr*, written for ``run`` alone, with all labels of the identity in each ``by`` and ``on``."""
        return _GROUPING.sub(lambda found: f"{found[1]} ({', '.join(self.labels)}", expr)

    def of_template(self, text: str) -> str:
        """Return *text*, an annotation or an address, as a Prometheus template.

        ``<<PROMQL>>`` becomes a query. In it, ``@run``, ``@rank`` and ``@gpu`` match the labels of the alert,
        ``@.rank`` matches the label of the sample in a ``range``, and ``@value`` is the value of the alert.
        ``<graph PROMQL graph>`` becomes the same PromQL, escaped for an address.
        """
        text = text.replace(_NAME, "/".join(f"{{{{ $labels.{label} }}}}" for label in self.labels))
        variables = "&".join(f"var-{label}={{{{ $labels.{label} | urlquery }}}}" for label in self.labels)
        text = text.replace(_VARIABLES, variables)
        text = _GRAPH.sub(lambda found: f"{{{{ {self._formatted(found[1])} | urlquery }}}}", text)
        return _QUERY.sub(lambda found: f"{self._formatted(found[1])} | query", text)

    def of_alertmanager(self, configuration: str) -> str:
        """Return an Alertmanager *configuration*, written for ``run`` alone, with all labels of the identity."""
        matchers = ", ".join(f"""'{label}=~".+"'""" for label in self.labels)
        listed = _ALERTMANAGER_LIST.sub(lambda found: f"{found[1]}: [{', '.join(self.labels)}", configuration)
        return listed.replace(_ALERTMANAGER_MATCHER, matchers)

    def _formatted(self, promql: str) -> str:
        """Return the template expression that yields *promql*."""
        arguments: list[str] = []

        def argument(given: str) -> int:
            if given not in arguments:
                arguments.append(given)
            return arguments.index(given) + 1

        def placed(found: re.Match[str]) -> str:
            of_sample, name = found.groups()
            if name == "value":
                return f"%[{argument('$value')}]v"
            labels = self.labels if name == "run" else (name,)
            place = ".Labels" if of_sample else "$labels"
            return ",".join(f"{label}=%[{argument(f'{place}.{label}')}]q" for label in labels)

        text = _LABEL.sub(placed, " ".join(self.of_promql(promql).split()).replace('"', '\\"'))
        if not arguments:
            return f'"{text}"'
        if re.findall(r"%\[(\d+)\]", text) == [str(place + 1) for place in range(len(arguments))]:
            text = re.sub(r"%\[\d+\]", "%", text)  # each once and in order, so no numbers are needed
        return f'printf "{text}" {" ".join(arguments)}'

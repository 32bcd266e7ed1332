"""The house through a Jupyter Server's REST, for kernels that do not know where its home is."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from ..model.errors import FlowError, InvalidInput, NoHost, from_code

ROUTES: dict[str, tuple[str, str]] = {
    "host.status": ("GET", "health"),
    "dags.list": ("GET", "dags"),
    "dags.show": ("GET", "dags/{dag_id}"),
    "dags.errors": ("GET", "import-errors"),
    "dags.reload": ("POST", "reload"),
    "dags.unpause": ("PATCH", "dags/{dag_id}"),
    "dags.trigger": ("POST", "dags/{dag_id}/runs"),
    "runs.list": ("GET", "dags/{dag_id}/runs"),
    "runs.show": ("GET", "dags/{dag_id}/runs/{run_id}"),
    "runs.cancel": ("POST", "dags/{dag_id}/runs/{run_id}/cancel"),
    "tasks.log": ("GET", "dags/{dag_id}/runs/{run_id}/tasks/{task_id}/log"),
}
"""The operations that the magics use: method and path below ``jupyter-flow/api/``."""

BODIES: dict[str, dict[str, Any]] = {"dags.unpause": {"is_paused": False}, "dags.reload": {}}
"""Bodies that REST words differently (a reload over REST returns at once, whatever was asked)."""


@dataclass(frozen=True)
class RestHouse:
    """The house of one running server. The token stays in this object: it is not shown, stored or inherited."""

    url: str
    token: str = field(repr=False)

    def call(self, op: str, **args: Any) -> Any:
        """Ask ``op``. Raises the refusal, or :class:`NoHost` when the server does not answer."""
        if op not in ROUTES:
            raise InvalidInput(f"{op} is not offered over REST here: set JUPYTER_FLOW_HOME for the kernel")
        method, template = ROUTES[op]
        names = set(re.findall(r"\{(\w+)\}", template))
        path = template.format(**{name: quote(str(args[name]), safe="") for name in names})
        rest = {name: value for name, value in args.items() if name not in names and value is not None}
        body = None
        if method == "GET":
            path += f"?{urlencode(rest)}" if rest else ""
        else:
            body = json.dumps(BODIES.get(op, rest)).encode()
        return self._request(method, path, body)

    def _request(self, method: str, path: str, body: bytes | None) -> Any:
        headers = {"Authorization": f"token {self.token}", "Content-Type": "application/json"}
        if not self.url.startswith(("http://", "https://")):
            raise NoHost(f"the server at {self.url} cannot be asked from a kernel")
        request = Request(f"{self.url}jupyter-flow/api/{path}", body, headers, method=method)  # noqa: S310
        try:
            with urlopen(request, timeout=60) as answer:  # noqa: S310
                return json.loads(answer.read() or b"{}")
        except HTTPError as error:
            raise _refusal(error) from None
        except (URLError, OSError, ValueError) as error:
            raise NoHost(f"the server at {self.url} does not answer: {error}") from None


def _refusal(error: HTTPError) -> FlowError:
    try:
        document = json.loads(error.read())
        return from_code(str(document["code"]), str(document["message"]))
    except (ValueError, KeyError, TypeError, OSError):
        return FlowError(f"the server answered {error.code} {error.reason}")
    finally:
        error.close()


def running_servers(runtime_dir: Path) -> Iterator[Mapping[str, Any]]:
    """Yield what the runtime files of living servers say; those that share our folder first."""
    found = []
    for file in sorted(runtime_dir.glob("jpserver-*.json")):
        try:
            info = json.loads(file.read_text(encoding="utf-8"))
            os.kill(int(info["pid"]), 0)
        except PermissionError:
            continue  # somebody else's process: the number was used again
        except (OSError, ValueError, KeyError, TypeError):
            continue
        found.append(info)
    here = Path.cwd()
    yield from sorted(found, key=lambda info: not here.is_relative_to(str(info.get("root_dir") or "/nowhere")))

"""Which AWS call a request is: service, operation, who asks, and its parameters."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

if TYPE_CHECKING:
    from collections.abc import Mapping

_CREDENTIAL = re.compile(
    r"(?P<key>[^/=\s]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request"
)
_RPC = re.compile(r"/service/[^/]+/operation/(?P<operation>\w+)")
_PLACEHOLDER = re.compile(r"\{([^}]+)\}")


@dataclass(frozen=True)
class Call:
    """One request as AWS would name it; `service` is the signing name, as in IAM actions."""

    service: str
    operation: str
    protocol: str
    region: str
    access_key: str
    environ: dict[str, Any] = field(repr=False, compare=False)
    uri: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def path(self) -> str:
        """The request's path."""
        return str(self.environ.get("PATH_INFO", ""))

    def header(self, name: str) -> str:
        """A header's value, or nothing."""
        return str(self.environ.get("HTTP_" + name.upper().replace("-", "_"), ""))

    def body(self) -> bytes:
        """The request's body; it can be read again."""
        return _body(self.environ)

    def params(self) -> dict[str, Any]:
        """The call's parameters: those in the path, in the query and in a JSON body."""
        query = parse_qs(self.environ.get("QUERY_STRING", ""), keep_blank_values=True)
        flat = {name: values if len(values) > 1 else values[0] for name, values in query.items()}
        text = self.body()
        sent = json.loads(text) if text and self.protocol in ("json", "rest-json") else {}
        return {**flat, **(sent if isinstance(sent, dict) else {}), **self.uri}


@dataclass(frozen=True)
class _Route:
    """How one operation of a REST service looks on the wire."""

    operation: str
    method: str
    path: re.Pattern[str]
    names: tuple[str, ...]
    query: tuple[str, ...]
    headers: tuple[str, ...]

    @property
    def weight(self) -> int:
        """How specific it is: more conditions win."""
        return len(self.query) + len(self.headers)

    def match(
        self, method: str, path: str, query: Mapping[str, str], environ: Mapping[str, Any]
    ) -> dict[str, str] | None:
        """Values of the path's placeholders, or None."""
        found = self.path.fullmatch(path) if method == self.method else None
        if found is None or not all(_holds(query, wanted) for wanted in self.query):
            return None
        if not all("HTTP_" + h.upper().replace("-", "_") in environ for h in self.headers):
            return None
        return dict(zip(self.names, (unquote(v) for v in found.groups()), strict=True))


def _holds(query: Mapping[str, str], wanted: str) -> bool:
    name, equals, value = wanted.partition("=")
    return name in query and (not equals or query[name] == value)


def identify(environ: dict[str, Any]) -> Call:
    """The call a WSGI request is; an unsigned one has no service."""
    signed = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", "")) or _CREDENTIAL.search(
        unquote(environ.get("QUERY_STRING", ""))
    )
    found = signed.groupdict() if signed else {"key": "", "region": "", "service": ""}
    service = found["service"].lower()
    protocol, operation, uri = _operation(environ, service)
    return Call(service, operation, protocol, found["region"], found["key"], environ, uri)


def _operation(environ: dict[str, Any], service: str) -> tuple[str, str, dict[str, str]]:
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        return "json", target.rpartition(".")[2], {}
    remote = _RPC.fullmatch(environ.get("PATH_INFO", ""))
    if remote:
        return "cbor", remote["operation"], {}
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        form = parse_qs(_body(environ).decode("utf-8", "replace"))
        if "Action" in form:
            return "query", form["Action"][0], {}
    return _rest(environ, service)


def _rest(environ: dict[str, Any], service: str) -> tuple[str, str, dict[str, str]]:
    method, path = environ.get("REQUEST_METHOD", ""), environ.get("PATH_INFO", "")
    parsed = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    query = {name: values[0] for name, values in parsed.items()}
    protocol, routes = _routes(service)
    for text in dict.fromkeys((path, path.rstrip("/") or "/")):
        matches = [(r, r.match(method, text, query, environ)) for r in routes]
        fitting = [(r, uri) for r, uri in matches if uri is not None]
        if fitting:
            route, uri = max(fitting, key=lambda pair: pair[0].weight)
            return protocol, route.operation, uri or {}
    return protocol, f"{method} {path}", {}


@cache
def _routes(service: str) -> tuple[str, tuple[_Route, ...]]:
    """The REST operations of a service, from the SDK's own description of it."""
    from botocore.exceptions import UnknownServiceError  # noqa: PLC0415
    from botocore.loaders import Loader  # noqa: PLC0415

    try:
        model = Loader().load_service_model(service, "service-2") if service else None
    except UnknownServiceError:
        model = None
    if model is None or not model["metadata"].get("protocol", "").startswith("rest"):
        return "rest-json", ()
    routes = [_route(name, told, model["shapes"]) for name, told in model["operations"].items()]
    return model["metadata"]["protocol"], tuple(routes)


def _route(name: str, told: dict[str, Any], shapes: dict[str, Any]) -> _Route:
    path, _, literal = told["http"]["requestUri"].partition("?")
    shape = shapes[told["input"]["shape"]] if "input" in told else {}
    members = [shape["members"][m] for m in shape.get("required", ())]
    names = tuple(n.rstrip("+") for n in _PLACEHOLDER.findall(path))
    pattern = _PLACEHOLDER.sub(
        lambda m: "(.+)" if m[1].endswith("+") or m[1] == "resourceArn" else "([^/]+)", path
    )
    required = [m["locationName"] for m in members if m.get("location") == "querystring"]
    headers = [m["locationName"] for m in members if m.get("location") == "header"]
    query = (*(part for part in literal.split("&") if part), *required)
    return _Route(name, told["http"]["method"], re.compile(pattern), names, query, tuple(headers))


def _body(environ: dict[str, Any]) -> bytes:
    known = environ.get("lake.body")
    if known is None:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        known = environ["lake.body"] = environ["wsgi.input"].read(length) if length else b""
    environ["wsgi.input"] = io.BytesIO(known)
    return bytes(known)

"""What one look at Temporal says of each fault, against real servers."""

import asyncio
import base64
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import pytest
from ameide_devstack import TemporalSecurity, TemporalServer
from ameide_operator.conditions import Reason
from ameide_operator.models import ProcessSpec
from ameide_operator.monitoring import Frontend, TemporalView, temporal_target
from ameide_operator.secret_summary import summarize
from ameide_operator.testing import process_resource

pytestmark = pytest.mark.e2e

Secrets = Mapping[str, Mapping[str, bytes]]
LOOKS = 6
ADMIN = "temporal-system:admin"
TLS = "Secret 'mtls' (spec.temporal.tls.secretRef)"
KEY = "Secret 'key' (spec.temporal.apiKeySecretRef)"
MANAGER = "Secret 'admin' (spec.temporal.namespaceManagement.adminSecretRef)"
DEBUG = ("Status {", "Error(", "Some(", "code:", "codec", 'b"', "Errno")
"""Marks of texts that libraries write for themselves."""


@pytest.fixture(scope="module")
async def guarded() -> AsyncGenerator[TemporalServer]:
    security = TemporalSecurity.MUTUAL_TLS_AND_TOKEN
    async with TemporalServer(security=security, namespace="orders", more_namespaces=["billing"]) as server:
        yield server


@pytest.fixture(scope="module")
async def encrypted() -> AsyncGenerator[TemporalServer]:
    async with TemporalServer(security=TemporalSecurity.TLS, namespace="orders") as server:
        yield server


def pair(server: TemporalServer) -> dict[str, bytes]:
    return {
        "tls.crt": server.client.certificate.read_bytes(),
        "tls.key": server.client.key.read_bytes(),
        "ca.crt": server.authority.certificate.read_bytes(),
    }


def frontend(address: str, content: Secrets, **temporal: Any) -> Frontend:
    """A frontend as a resource describes it, with the Secrets of its namespace."""
    resource = process_resource(temporal={"address": address, "namespace": "orders", **temporal})
    spec = ProcessSpec.model_validate(resource["spec"])
    summaries = {
        name: summarize(
            {
                "metadata": {"name": name, "resourceVersion": "1", "uid": "u"},
                "data": {key: base64.b64encode(value).decode() for key, value in values.items()},
            }
        )
        for name, values in content.items()
    }

    async def read(_: str, name: str) -> Mapping[str, bytes] | None:
        return content.get(name)

    return Frontend(temporal_target(spec, "orders", summaries), read)


async def looks(looked_at: Frontend) -> TemporalView:
    """What several looks say alike."""
    views = [await looked_at.look() for _ in range(LOOKS)]
    assert len({(view.temporal, view.namespace) for view in views}) == 1, views
    for verdict in (views[0].temporal, views[0].namespace):
        assert not [mark for mark in DEBUG if mark in verdict.message], verdict.message
    return views[0]


MTLS: dict[str, Any] = {"tls": {"mode": "mTLS", "secretRef": "mtls"}}
WITH_KEY: dict[str, Any] = {**MTLS, "apiKeySecretRef": {"name": "key", "key": "token"}}


def managed(**more: Any) -> dict[str, Any]:
    return {"namespaceManagement": {"mode": "EnsureSelfHosted", "retention": "3d", **more}}


async def test_plain_text_to_a_server_with_tls(encrypted: TemporalServer):
    seen = (await looks(frontend(encrypted.address, {}))).temporal
    assert seen.reason is Reason.TLS_HANDSHAKE_FAILED
    assert seen.message == f"{encrypted.address} speaks TLS; set spec.temporal.tls, with mode TLS"


async def test_plain_text_to_a_server_that_wants_a_client_certificate(guarded: TemporalServer):
    seen = (await looks(frontend(guarded.address, {}))).temporal
    assert seen.reason is Reason.TLS_HANDSHAKE_FAILED
    assert "speaks TLS and wants a client certificate; set spec.temporal.tls, with mode mTLS" in seen.message


async def test_peer_that_is_no_frontend():
    def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        seen = (await looks(frontend(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", {}))).temporal
    assert seen.reason is Reason.DIAL_FAILED
    assert "spec.temporal.address must name its gRPC port" in seen.message


async def test_port_where_nothing_listens():
    seen = (await looks(frontend("127.0.0.1:1", {}))).temporal
    assert seen.reason is Reason.DIAL_FAILED
    assert seen.message == "cannot reach 127.0.0.1:1: connection refused; pods keep running and try again"


async def test_connection_that_is_lost_is_told_of_as_one_that_cannot_be_made():
    async with TemporalServer(namespace="orders") as server:
        looked_at = frontend(server.address, {})
        assert (await looked_at.look()).temporal.holds
        await server.kill()
        assert "connection refused" in (await looks(looked_at)).temporal.message
        await server.start()
        assert (await looks(looked_at)).temporal.holds


async def test_authority_that_no_secret_names(encrypted: TemporalServer):
    seen = (await looks(frontend(encrypted.address, {}, tls={"mode": "TLS"}))).temporal
    assert seen.reason is Reason.TLS_HANDSHAKE_FAILED
    assert "is not trusted: " in seen.message
    assert seen.message.endswith("; name a Secret with ca.crt in spec.temporal.tls.secretRef")


async def test_authority_that_is_missing_or_another(guarded: TemporalServer):
    without = {key: value for key, value in pair(guarded).items() if key != "ca.crt"}
    seen = (await looks(frontend(guarded.address, {"mtls": without}, **MTLS))).temporal
    assert seen.message.endswith(f"; add ca.crt to {TLS}")
    foreign = {"ca.crt": guarded.foreign_authority.certificate.read_bytes()}
    seen = (await looks(frontend(guarded.address, {"mtls": pair(guarded) | foreign}, **MTLS))).temporal
    assert seen.message.endswith(f"; correct ca.crt in {TLS}")


async def test_client_certificate_that_is_refused(guarded: TemporalServer):
    foreign = {
        "tls.crt": guarded.foreign_client.certificate.read_bytes(),
        "tls.key": guarded.foreign_client.key.read_bytes(),
    }
    seen = (await looks(frontend(guarded.address, {"mtls": pair(guarded) | foreign}, **MTLS))).temporal
    assert seen.reason is Reason.TLS_HANDSHAKE_FAILED
    assert seen.message.endswith(f"; replace tls.crt and tls.key in {TLS}")


@pytest.mark.parametrize("name", ["a..b", "a" * 64, f"{'a' * 64}.test"])
async def test_server_name_that_is_no_host_name(guarded: TemporalServer, name: str):
    tls = {**MTLS["tls"], "serverName": name}
    seen = (await looks(frontend(guarded.address, {"mtls": pair(guarded)}, tls=tls))).temporal
    assert seen.reason is Reason.TLS_HANDSHAKE_FAILED
    assert seen.message == f"{name!r} is no host name; correct spec.temporal.tls.serverName"


async def test_address_that_is_no_host_name():
    seen = (await looks(frontend("a..b:7233", {}))).temporal
    assert seen.message == "'a..b' is no host name; correct spec.temporal.address"


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (b"\xff\xfe", "is no line of printable ASCII"),
        ("schlüssel".encode(), "is no line of printable ASCII"),
        (b"one\ntwo", "is no line of printable ASCII"),
        (b" \n", "is blank"),
    ],
)
async def test_api_key_that_cannot_be_sent(guarded: TemporalServer, key: bytes, words: str):
    content = {"mtls": pair(guarded), "key": {"token": key}}
    seen = (await looks(frontend(guarded.address, content, **WITH_KEY))).temporal
    assert seen.reason is Reason.UNAUTHORIZED
    assert f"key 'token' of {KEY} {words}" in seen.message


async def test_api_key_that_is_refused(guarded: TemporalServer):
    content = {"mtls": pair(guarded), "key": {"token": b"nonsense"}}
    seen = (await looks(frontend(guarded.address, content, **WITH_KEY))).temporal
    assert seen.reason is Reason.UNAUTHORIZED
    assert f"{guarded.address} refuses the API key in 'token' of {KEY}: it has expired" in seen.message


async def test_api_key_that_may_not_use_the_namespace(guarded: TemporalServer):
    content = {"mtls": pair(guarded), "key": {"token": guarded.tokens.token("billing:write").encode()}}
    seen = (await looks(frontend(guarded.address, content, **WITH_KEY))).namespace
    assert seen.reason is Reason.UNAUTHORIZED
    assert seen.message == f"the API key in 'token' of {KEY} may not use namespace 'orders'; grant it access"


async def test_api_key_that_spec_does_not_name(guarded: TemporalServer):
    seen = (await looks(frontend(guarded.address, {"mtls": pair(guarded)}, **MTLS))).namespace
    assert seen.reason is Reason.UNAUTHORIZED
    assert seen.message.startswith(f"the client certificate in {TLS} may not use namespace 'orders'; grant it access")
    assert seen.message.endswith("or name an API key in spec.temporal.apiKeySecretRef")


@pytest.mark.parametrize("rights", ["new:write", "billing:write"])
async def test_rights_to_manage_that_the_process_lacks(guarded: TemporalServer, rights: str):
    content = {"mtls": pair(guarded), "key": {"token": guarded.tokens.token(rights).encode()}}
    seen = (await looks(frontend(guarded.address, content, **WITH_KEY, **managed(), namespace="new"))).namespace
    assert seen.reason is Reason.UNAUTHORIZED
    assert f"the API key in 'token' of {KEY} may not manage namespace 'new'; grant it access" in seen.message
    assert "credentials that may in spec.temporal.namespaceManagement.adminSecretRef" in seen.message


def with_manager(server: TemporalServer, own: str, manager: Mapping[str, bytes], **more: Any) -> Frontend:
    content = {"mtls": pair(server), "key": {"token": server.tokens.token(own).encode()}, "admin": manager}
    return frontend(server.address, content, **WITH_KEY, **managed(adminSecretRef="admin"), **more)


async def test_namespace_that_is_managed_and_that_the_process_may_not_use(guarded: TemporalServer):
    manager = pair(guarded) | {"api-key": guarded.tokens.token(ADMIN).encode()}
    seen = (await looks(with_manager(guarded, "orders:write", manager, namespace="unused"))).namespace
    assert seen.reason is Reason.UNAUTHORIZED
    assert seen.message == f"the API key in 'token' of {KEY} may not use namespace 'unused'; grant it access"
    view = await with_manager(guarded, "unused:write", manager, namespace="unused").look()
    assert view.namespace.holds


async def test_credentials_of_the_manager_that_do_not_do(guarded: TemporalServer):
    token = guarded.tokens.token(ADMIN).encode()
    foreign = {
        "tls.crt": guarded.foreign_client.certificate.read_bytes(),
        "tls.key": guarded.foreign_client.key.read_bytes(),
    }
    cases: list[tuple[dict[str, bytes], Reason, str]] = [
        (
            {"api-key": token},
            Reason.TLS_HANDSHAKE_FAILED,
            f"wants a client certificate; add tls.crt and tls.key to {MANAGER}",
        ),
        (foreign, Reason.TLS_HANDSHAKE_FAILED, f"replace tls.crt and tls.key in {MANAGER}"),
        (pair(guarded), Reason.UNAUTHORIZED, f"grant it access, or add 'api-key' to {MANAGER}"),
        (pair(guarded) | {"api-key": b"no\xff"}, Reason.UNAUTHORIZED, f"key 'api-key' of {MANAGER} is no line"),
        (pair(guarded) | {"api-key": b"no"}, Reason.UNAUTHORIZED, f"refuses the API key in 'api-key' of {MANAGER}"),
        (
            pair(guarded) | {"api-key": guarded.tokens.token("orders:write").encode()},
            Reason.UNAUTHORIZED,
            f"the API key in 'api-key' of {MANAGER} may not manage namespace 'orders'; grant it access",
        ),
        (
            pair(guarded) | {"ca.crt": guarded.foreign_authority.certificate.read_bytes()},
            Reason.TLS_HANDSHAKE_FAILED,
            f"correct ca.crt in {MANAGER}",
        ),
    ]
    for manager, reason, words in cases:
        seen = (await looks(with_manager(guarded, "orders:write", manager))).namespace
        assert seen.reason is reason, seen
        assert words in seen.message, seen

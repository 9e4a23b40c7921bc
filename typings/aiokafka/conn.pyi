from ssl import SSLContext

from aiokafka.protocol.api import Request, RequestStruct, Response

class AIOKafkaConnection:
    def connected(self) -> bool: ...
    async def send(self, request: Request[RequestStruct]) -> Response: ...
    def close(self) -> object: ...

async def create_conn(
    host: str,
    port: int,
    *,
    client_id: str = ...,
    request_timeout_ms: int = ...,
    security_protocol: str = ...,
    ssl_context: SSLContext | None = ...,
    sasl_mechanism: str | None = ...,
    sasl_plain_username: str | None = ...,
    sasl_plain_password: str | None = ...,
) -> AIOKafkaConnection: ...

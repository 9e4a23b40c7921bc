"""Settings of the operator itself, from its environment."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from ameide_operator.monitoring import INTERVAL_SECONDS
from ameide_operator.operator import WORKERS
from ameide_operator.watching import RESYNC_SECONDS


class Settings(BaseSettings):
    """Each is read from the variable of its name in capitals, after AMEIDE_OPERATOR_."""

    model_config = SettingsConfigDict(env_prefix="AMEIDE_OPERATOR_", frozen=True, use_attribute_docstrings=True)

    namespace: Annotated[str, Field(min_length=1)] | None = None
    """The one namespace to look at; unset: all of them."""
    workers: Annotated[int, Field(ge=1, le=64)] = WORKERS
    """Resources that are reconciled at once."""
    resync_seconds: Annotated[float, Field(ge=10, le=3600)] = RESYNC_SECONDS
    """From one look at everything to the next."""
    monitor_seconds: Annotated[float, Field(ge=1, le=3600)] = INTERVAL_SECONDS
    """From one look at a Temporal frontend to the next."""
    http_host: str = "0.0.0.0"  # noqa: S104 - the kubelet and Prometheus come from outside of the pod
    """Address on which `/healthz` and `/metrics` are served."""
    http_port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """Their port; 0 takes a free one."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least that is logged."""

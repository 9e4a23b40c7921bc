"""Apache Kafka itself, one KRaft node, where durability, restarts and rebalances are proved."""

import shutil
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

from ameide_devstack._build_cache import Build, built
from ameide_devstack._certificates import CertificateAuthority
from ameide_devstack._child_process import ChildProcess
from ameide_devstack._errors import BuildError, ToolMissingError
from ameide_devstack._kafka_broker import KafkaBroker
from ameide_devstack._loopback_ports import LOOPBACK

APACHE_KAFKA_BUILD: Final = Build(
    name="apache-kafka-4.3.0",
    inputs={"pom.xml": files("ameide_devstack").joinpath("apache_kafka", "pom.xml").read_bytes()},
    command=("mvn", "--quiet", "--batch-mode", "dependency:copy-dependencies", "-DoutputDirectory=out"),
    environment={},
    duration="downloads 44 MB from Maven Central",
    install="install Apache Maven 3.8 or newer",
)
# Any 16 bytes will do, in URL-safe base64; fixed, so that a broker knows its data again.
_CLUSTER_ID: Final = "YW1laWRlLWRldnN0YWNrMQ"
# A quick compiler and collector halve the CPU of a start and of short runs (3.0 s against 5.5 s until ready); clients
# in Python are slower than either.
_JVM: Final = ("-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


class ApacheKafka(KafkaBroker):
    """A broker and controller in one Java process; acknowledged records survive `kill` and `restart`.

    Args:
        port: Port of the broker; None leases a free one.
        config: Broker settings beside or in place of the ones here, such as `{"message.max.bytes": "2000000"}`.
        users: Passwords by name; they log in with SASL PLAIN over TLS at `secured_servers`, a listener beside the plain
            one, which stays.
        data_dir: Where records and log lie; None makes a temporary folder.

    Attributes:
        authority: Issued the certificate of `secured_servers`.
    """

    name = "apache-kafka"
    start_timeout_s = 120.0  # 4 s on an idle machine, 30 s where ten others want its two cores

    def __init__(
        self,
        *,
        port: int | None = None,
        config: Mapping[str, str] | None = None,
        users: Mapping[str, str] | None = None,
        data_dir: Path | None = None,
    ) -> None:
        super().__init__(port=port, data_dir=data_dir, other_ports=("controller", "secured"))
        self._config = dict(config or {})
        self._users = dict(users or {})
        self.authority: Final = CertificateAuthority(self.data_dir / "pki")

    @property
    def secured_servers(self) -> str:
        """`host:port` of the listener that asks for TLS and a login; there is one where there are users."""
        return f"{LOOPBACK}:{self.port('secured')}"

    async def _command(self) -> Sequence[str]:
        java = shutil.which("java")
        if java is None:
            raise ToolMissingError("java", wanted_for=self.name, install="install Java 17 or newer")
        jars = await built(APACHE_KAFKA_BUILD)
        properties = self.data_dir / "server.properties"
        properties.write_text("".join(f"{key}={value}\n" for key, value in self._properties().items()))
        machine = [java, *_JVM, "-Dorg.slf4j.simpleLogger.showDateTime=true", "-cp", f"{jars}/*"]
        if not (self._records / "meta.properties").exists():
            await self._format(
                [*machine, "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(properties)]
            )
        return [*machine, "kafka.Kafka", str(properties)]

    @property
    def _records(self) -> Path:
        return self.data_dir / "records"

    def _properties(self) -> dict[str, str]:
        controller = f"{LOOPBACK}:{self.port('controller')}"
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{self.bootstrap_servers},CONTROLLER://{controller}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": str(self._records),
            # One node: nothing can be replicated.
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            # Few partitions load fast after a restart.
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.num.partitions": "4",
            # Tests join and lose group members in seconds, not in minutes.
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "100",
            # After a SIGKILL the controller refuses the broker until its old session ends: 12 s to ready by default.
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "500",
            # A topic that nobody made is a mistake, here as in production.
            "auto.create.topics.enable": "false",
            **(self._secured() if self._users else {}),
            **self._config,
        }

    def _secured(self) -> dict[str, str]:
        """A second listener; broker and controller go on talking over plain ones."""
        pair = self.authority.issue_server("kafka", hosts=[LOOPBACK])
        # Java wants the key and its certificate in one file.
        keystore = self.data_dir / "pki" / "kafka.pem"
        keystore.touch(mode=0o600)
        keystore.write_bytes(pair.key.read_bytes() + pair.certificate.read_bytes())
        logins = " ".join(f'user_{name}="{password}"' for name, password in self._users.items())
        controller = f"{LOOPBACK}:{self.port('controller')}"
        return {
            "listeners": (
                f"PLAINTEXT://{self.bootstrap_servers},SASL_SSL://{self.secured_servers},CONTROLLER://{controller}"
            ),
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl_ssl.plain.sasl.jaas.config": (
                f"org.apache.kafka.common.security.plain.PlainLoginModule required {logins};"
            ),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(keystore),
        }

    async def _format(self, command: Sequence[str]) -> None:
        child = ChildProcess(command, cwd=self.data_dir, log_path=self.data_dir / "format.log")
        try:
            status = await child.wait()
        finally:
            await child.kill()
        if status != 0:
            raise BuildError("storage of Kafka", command=command, returncode=status, output_tail=child.log_tail())

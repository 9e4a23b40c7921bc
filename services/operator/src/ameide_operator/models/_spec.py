"""What a person wants: the spec of a Process resource."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from ameide_operator.models._base import Model, immutable, list_by, refuse_unless
from ameide_operator.models._dead_letter_loops import dead_letter_loops
from ameide_operator.models._kubernetes import SecretName
from ameide_operator.models._rollout import Rollout
from ameide_operator.models._shared_sources import shared_sources
from ameide_operator.models._streams import Output
from ameide_operator.models._temporal import Temporal
from ameide_operator.models._workloads import Ingress, Worker

_IS_IMAGE = (
    "self.matches('^([a-zA-Z0-9][-a-zA-Z0-9.]*(:[0-9]+)?/)?[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
    "(:[a-zA-Z0-9_][-.a-zA-Z0-9_]{0,127})?(@sha256:[0-9a-f]{64})?$')"
)
"""CEL: nodes can read it as the reference of an image."""

_Image = Annotated[
    str,
    Field(
        min_length=1,
        max_length=1024,
        json_schema_extra=refuse_unless(
            (
                _IS_IMAGE,
                "an image is named as registry.example.com/team/name:tag or …@sha256:…, lower case, without a scheme",
            )
        ),
    ),
]

_DEAD_LETTERS_ARE_THERE = (
    "!has(self.ingress) || self.ingress.subscriptions.all(s, "
    "!has(s.deadLetter) || self.outputs.exists(o, o.name == s.deadLetter))"
)
"""CEL: a subscription that names an output names one that is there."""

_PROBLEMS = 8
"""Of sources that are shared: more would say nothing new."""

_DIGEST = "@sha256:"
_NO_BUILD_ID = (
    "rollout needs a name for the build: set rollout.buildId, or give image.worker by digest (image@sha256:...)"
)


class ProcessIdentity(Model):
    """The process that the images implement, as its proto declares it."""

    name: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$")]
    """Name of the process, such as order-fulfillment."""
    api_major: Annotated[int, Field(ge=1, le=1_000_000)]
    """Major version of its contract."""


class Images(Model):
    """Container images; a digest (image@sha256:...) deploys what was tested and nothing else."""

    worker: _Image
    """Image of the worker."""
    ingress: _Image | None = None
    """Image of the ingress; set exactly when the process has an ingress."""
    pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """When nodes pull the images; unset: Kubernetes' default, by tag."""
    pull_secrets: (
        Annotated[list[SecretName], Field(max_length=8, json_schema_extra={"x-kubernetes-list-type": "set"})] | None
    ) = None
    """Secrets with the credentials of the registry."""


class ProcessSpec(Model):
    """What to run: the images of a process, how they reach Temporal and the brokers, and how many of them."""

    model_config = ConfigDict(
        json_schema_extra=refuse_unless(
            ("has(self.ingress) == has(self.image.ingress)", "set ingress and image.ingress together, or none of them"),
            (
                "self.outputs.exists(o, o.name == 'dead-letter')",
                "outputs needs one named dead-letter: what can never be handled goes there, so that nothing is lost",
            ),
            (
                _DEAD_LETTERS_ARE_THERE,
                "deadLetter of each subscription must be the name of one of outputs",
            ),
            (
                f"!has(self.rollout) || has(self.rollout.buildId) || self.image.worker.contains('{_DIGEST}')",
                _NO_BUILD_ID,
            ),
            (
                "has(self.rollout) || !has(oldSelf.rollout)",
                "rollout cannot be removed: workflows that stay with a build would wait for it for ever",
            ),
        )
    )

    process: Annotated[ProcessIdentity, Field(json_schema_extra=immutable("process"))]
    """The process that the images must implement; a binary that does not match does not start. Cannot be changed."""
    image: Images
    """Container images of worker and ingress."""
    temporal: Temporal
    """The Temporal frontend, the namespace, and who we are to them."""
    worker: Annotated[Worker, Field(json_schema_extra={"default": {}})] = Field(default_factory=Worker)
    """Runs workflows and activities."""
    rollout: Rollout | None = None
    """Lets every build of the worker end the workflows that it began; unset: the worker is unversioned, and a new image
    replaces the old. Cannot be removed."""
    ingress: Ingress | None = None
    """Turns events into signals; unset: the process gets none from streams."""
    outputs: Annotated[
        list[Output],
        Field(
            min_length=1,
            max_length=32,
            json_schema_extra=list_by("name"),
        ),
    ]
    """Streams that the process writes to. dead-letter must be there; progress takes progress facts."""

    def build_id(self) -> str:
        """Name of the worker's build; empty where the worker is unversioned."""
        if self.rollout is None:
            return ""
        _, _, digest = self.image.worker.rpartition(_DIGEST)
        return self.rollout.build_id or (f"sha256:{digest}" if _DIGEST in self.image.worker else "")

    @model_validator(mode="after")
    def _has_build_id(self) -> Self:
        if self.rollout is not None and not self.build_id():
            raise ValueError(_NO_BUILD_ID)
        return self

    @model_validator(mode="after")
    def _has_sources_of_its_own(self) -> Self:
        subscriptions = self.ingress.subscriptions if self.ingress else ()
        shared = shared_sources(self.process.name, subscriptions)
        if problems := [*shared, *dead_letter_loops(subscriptions, self.outputs)]:
            raise ValueError("; ".join(problems[:_PROBLEMS]))
        return self

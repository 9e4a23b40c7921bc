"""The commands of this repository: `uvx nox -l` lists them, `uvx nox -s NAME` runs one."""

import os
import time
import tomllib
from pathlib import Path

import nox
from nox.command import CommandFailed

nox.needs_version = ">=2025.2"
nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "test"]
nox.options.reuse_existing_virtualenvs = True

ROOT = Path(__file__).parent
RELEASED_IMAGE = "packages/ameide_core_proto/released.binpb"
"""The released proto surface, which `buf breaking` compares with."""

PRIMITIVES = ROOT / "primitives" / "process"
"""What people write of each process."""

RUN = ("uv", "run", "--all-packages", "--locked")
"""Runs a tool in the environment of the whole workspace."""

CODEGEN = "codegen"
"""The project in whose environment generators run: that of the workspace needs every generated package."""


USAGE_EXIT_CODE = 2
"""Of programs that were called in a wrong way."""


@nox.session
def demo(session: nox.Session) -> None:
    """Run the main job: real servers, real events in, finished workflows out. -- --help: orders, sample, --keep."""
    demos = [path.parent / script for path in _primitives() if (script := _demo_script(path))]
    if not demos:
        session.error("no process has a demo; name a script in its pyproject.toml: [tool.ameide] demo = 'demo/run.py'")
    for script in demos:
        _run_or_show_usage(session, *RUN, "python", str(script), *session.posargs)


@nox.session
def regen(session: nox.Session) -> None:
    """Generate messages, stubs and processes from proto. -- --check: fail when that changes a file."""
    if unknown := [option for option in session.posargs if option != "--check"]:
        session.error(f"regen knows no {' '.join(unknown)}; its only option is --check")
    _generate(session)
    if "--check" in session.posargs:
        session.run(*RUN, "ameide-guardrails", "committed", external=True)


@nox.session
def test(session: nox.Session) -> None:
    """Run every suite that needs embedded servers only, those of the processes included. Paths and options pass on."""
    arguments = session.posargs or ["packages", "services", "tests", "build/generated", "primitives"]
    session.run(*RUN, "pytest", "-m", "not e2e", "-n", "auto", "--dist", "worksteal", *arguments, external=True)


@nox.session
def e2e(session: nox.Session) -> None:
    """Run the suites against Apache Kafka, the full Temporal server and Kubernetes, built and cached when missing."""
    session.run(*RUN, "ameide-devstack", "build", external=True)
    arguments = session.posargs or ["packages", "services", "tests", "primitives"]
    session.run(*RUN, "pytest", "-m", "e2e", *arguments, external=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, imports, determinism of workflows, released contracts, protos (lint, format, breaks), outputs."""
    session.run(*RUN, "ruff", "check", external=True)
    session.run(*RUN, "ruff", "format", "--check", external=True)
    session.run(*RUN, "ameide-guardrails", "imports", external=True)
    session.run(*RUN, "ameide-guardrails", "outputs", external=True)
    session.run(*RUN, "ameide-guardrails", "sources", external=True)
    session.run(*RUN, "ameide-guardrails", "versions", external=True)
    session.run(*RUN, "ameide-determinism", "check", "--strict", external=True)
    session.run(*RUN, "buf", "lint", external=True)
    session.run(*RUN, "buf", "format", "--diff", "--exit-code", external=True)
    session.run(*RUN, "buf", "breaking", "--against", RELEASED_IMAGE, external=True)


@nox.session
def types(session: nox.Session) -> None:
    """Check types, strictly, generated code included."""
    session.run(*RUN, "pyright", *session.posargs, external=True)


@nox.session
def fmt(session: nox.Session) -> None:
    """Format Python and protos, and fix what lint can fix."""
    session.run(*RUN, "ruff", "check", "--fix", external=True)
    session.run(*RUN, "ruff", "format", external=True)
    session.run(*RUN, "buf", "format", "--write", external=True)


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks, each beside its baseline. -- NAME: one of them."""
    files = sorted((ROOT / "benchmarks").glob("*.py"))
    present = [path.stem for path in files if '__name__ == "__main__"' in path.read_text()]
    names = session.posargs or present
    if unknown := sorted(set(names) - set(present)):
        session.error(f"no benchmark is named {', '.join(unknown)}; there are {', '.join(present)}")
    for name in names:
        session.run(*RUN, "python", f"benchmarks/{name}.py", external=True)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Send a million broken messages through the intake of an ingress. -- libFuzzer's options, as -runs=N."""
    session.chdir("fuzz")
    session.run(*RUN, "--group", "fuzz", "python", "messages.py", *session.posargs, external=True)


@nox.session
def chaos(session: nox.Session) -> None:
    """Prove under faults that no event is lost, doubled or out of order; write docs/chaos.md. -- --help: its size."""
    session.run(*RUN, "ameide-devstack", "build", external=True)
    report = () if "--report" in session.posargs else ("--report", "docs/chaos.md")
    _run_or_show_usage(session, *RUN, "python", "chaos/run.py", *report, *session.posargs)


@nox.session
def new(session: nox.Session) -> None:
    """Write proto and impl stubs of a process, once, never overwriting: -- NAME. -- --help: kinds."""
    _codegen(session, "python", "-m", "protoc_gen_process.scaffold", *session.posargs)
    if {"-h", "--help"} & {*session.posargs}:
        return
    _generate(session)
    name = next(argument for argument in session.posargs if (PRIMITIVES / argument / "pyproject.toml").exists())
    proto = f"packages/ameide_core_proto/src/ameide_core_proto/{name.replace('-', '_')}/v1/"
    steps = f"""
{name} is there, and red until it is written. Next:
1. say what it is in its proto below {proto}, and run `uvx nox -s regen`
2. write each `# scaffold:` of primitives/process/{name}/src, and in its tests what you expect, until
   `uvx nox -s test -- primitives/process/{name}` is green
3. `uvx nox -s record -- {name}` stores histories that later code must replay; then
   `uvx nox -s test -- build/generated/process/{name}` and `uvx nox -s lint types` are green"""
    for line in steps.strip().splitlines():
        session.log(line)


@nox.session
def record(session: nox.Session) -> None:
    """Store histories that later code must replay: -- NAME. -- NAME --approve: what it does otherwise. -- --help."""
    _run_or_show_usage(session, *RUN, "ameide-guardrails", "record", *session.posargs)


@nox.session(name="release-contract")
def release_contract(session: nox.Session) -> None:
    """Take protos and contracts as they are for released, if they break nothing that is: -- NAME … for some only."""
    session.run(*RUN, "ameide-guardrails", "release", *session.posargs, external=True)
    session.run(*RUN, "buf", "breaking", "--against", RELEASED_IMAGE, external=True)
    _codegen(session, "buf", "build", "--exclude-source-info", "-o", RELEASED_IMAGE)
    session.log(f"{RELEASED_IMAGE} and the lock files are the released surface now; commit them")


def _generate(session: nox.Session) -> None:
    """Writes everything that follows from protos."""
    started = time.monotonic()
    _codegen(session, "buf", "generate", "--template", "buf.gen.options.yaml")
    _codegen(session, "buf", "generate")
    _refuse_orphans(session)
    session.run("uv", "lock", "--quiet", external=True)
    session.log(f"generated in {time.monotonic() - started:.1f} s")


def _codegen(session: nox.Session, *command: str) -> None:
    """Runs a command in the environment of the generators."""
    environment = ROOT / ".nox" / "codegen"
    sync = ("uv", "sync", "--quiet", "--project", CODEGEN)
    session.run(*sync, env={"UV_PROJECT_ENVIRONMENT": str(environment), "VIRTUAL_ENV": None}, external=True)
    binaries = environment / "bin"
    path = f"{binaries}{os.pathsep}{os.environ['PATH']}"
    _run_or_show_usage(session, str(binaries / command[0]), *command[1:], env={"PATH": path})


def _run_or_show_usage(session: nox.Session, *command: str, env: dict[str, str | None] | None = None) -> None:
    """Runs a command that has shown its usage when it exits 2, and exits 2 with it: nox makes a 1 of every failure."""
    try:
        session.run(*command, env=env, external=True)
    except CommandFailed as error:
        if error.reason == f"Returned code {USAGE_EXIT_CODE}":
            raise SystemExit(USAGE_EXIT_CODE) from error
        raise


def _refuse_orphans(session: nox.Session) -> None:
    """Fails when no proto declares a process that a person wrote: uv would only miss a member of the workspace."""
    for path in _primitives():
        name = path.parent.name
        if not (ROOT / "build/generated/process" / name).exists():
            session.error(
                f"primitives/process/{name} is the impl of a process that no proto declares: write name: "
                f'"{name}" in its proto, or move the impl to the new name '
                "(its folder, package and pyproject.toml), or remove it"
            )


def _primitives() -> list[Path]:
    """The pyproject.toml of every process that a person wrote."""
    return sorted(PRIMITIVES.glob("*/pyproject.toml"))


def _demo_script(pyproject: Path) -> str | None:
    """The demo of a process, relative to its folder; None where it has none."""
    settings = tomllib.loads(pyproject.read_text())
    return settings.get("tool", {}).get("ameide", {}).get("demo")


if __name__ == "__main__":
    nox.main()

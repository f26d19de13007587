"""The command line: ``potentia list | run | sweep | resume | inspect | plot | verify | bench``.

Exit codes: 0 done, 2 bad input, told in one sentence on stderr, 1 a fault of Potentia's own, 130
Ctrl-C, 143 SIGTERM.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from . import process
from .errors import DataError, DependencyError, ParameterError
from .process import say, warn
from .version import __version__

app = typer.Typer(add_completion=False)

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="One setting; may be repeated."),
]
Data = Annotated[
    Path | None,
    typer.Option(envvar="POTENTIA_DATA", help="Folder of data sets.", callback=process.absolute),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]


class OfExperiment(TyperCommand):
    """A command whose ``--help`` lists the settings of an experiment too.

    It does so where it is given an experiment.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        self._asked = self.make_parser(ctx).parse_args(list(args))[0].get("name")
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        super().format_help(ctx, formatter)
        if self._asked is not None:
            from .experiments.framework import words

            say(words.of_settings(self._asked))


def _place(metavar: str, told: str) -> Any:
    """The argument that names a file or a folder."""
    return typer.Argument(metavar=metavar, help=told, callback=process.absolute)


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version of Potentia.")
    ] = False,
) -> None:
    """Simulate spiking networks and the memory devices they live on."""
    if version:
        say(f"potentia {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        say(context.get_help())


@app.command("list")
def list_() -> None:
    """Name the experiments."""
    from .experiments import experiments
    from .experiments.framework.experiment import format_table

    say(format_table(sorted(experiments().items())))


@app.command(cls=OfExperiment)
def run(
    name: Annotated[str, typer.Argument(help="An experiment; see `potentia list`.")],
    set_: Set = None,
    seed: Annotated[int | None, typer.Option(help="Of every random draw.")] = None,
    backend: Annotated[str, typer.Option(help="auto, cpu, gpu or reference.")] = "auto",
    data: Data = None,
    out: Annotated[
        Path, typer.Option(help="Where the run folder is made.", callback=process.absolute)
    ] = Path("runs"),
    json_: Json = False,
) -> None:
    """Run an experiment into a new run folder."""
    from .experiments import load
    from .experiments.framework.experiment import read_settings
    from .experiments.framework.runner import execute
    from .kernels.backend import BACKENDS
    from .sim import validation as check
    from .sim.runs import stop

    check.one_of("run", "backend", backend, ("auto", *BACKENDS))
    experiment = load(name)
    values = {} if seed is None else {"seed": seed}
    settings = read_settings(name, experiment.settings, set_ or (), values)
    with process.interruptible(stop.ask):
        folder = execute(
            experiment, settings, backend=backend, data=data, base=out, say=warn if json_ else say
        )
        _tell_end(folder.path, folder.record, json_)


@app.command(cls=OfExperiment)
def sweep(
    name: Annotated[str, typer.Argument(help="An experiment; see `potentia list`.")],
    grid: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=A,B", help="Values of one setting; may be repeated."),
    ] = None,
    set_: Set = None,
    seed: Annotated[int | None, typer.Option(help="Of every random draw.")] = None,
    backend: Annotated[str, typer.Option(help="auto, cpu, gpu or reference.")] = "auto",
    data: Data = None,
    out: Annotated[
        Path, typer.Option(help="Where the folder of the sweep is made.", callback=process.absolute)
    ] = Path("runs"),
    workers: Annotated[
        int | None, typer.Option(help="Runs at once; all cores if left out.")
    ] = None,
    json_: Json = False,
) -> None:
    """Run an experiment at every point of a grid of settings."""
    from .experiments import load
    from .experiments.framework import sweep
    from .experiments.framework.experiment import read_settings
    from .experiments.framework.runner import check_data
    from .kernels.backend import BACKENDS
    from .sim import validation as check

    check.one_of("sweep", "backend", backend, ("auto", *BACKENDS))
    if workers is not None:
        check.whole("sweep", "workers", workers, least=1)
    values = sweep.read_grid(name, grid or ())
    read = read_settings(
        name, load(name).settings, set_ or (), {} if seed is None else {"seed": seed}
    )
    given = read.model_dump(mode="json", include=read.model_fields_set)
    for key in given.keys() & values.keys():
        raise ParameterError(
            f"{name} --grid: {key} is given both by --grid and as one value (got {given[key]!r})"
        )
    check_data(data)
    wanted = sweep.Sweep(
        name, given, values, backend, None if data is None else str(data.resolve())
    )
    with process.interruptible():
        _tell_sweep(sweep.begin(wanted, out), workers, json_)


@app.command()
def resume(
    path: Annotated[Path, _place("RUN", "The folder of a run or a sweep that was broken off.")],
    workers: Annotated[
        int | None, typer.Option(help="Of a sweep: runs at once; all cores if left out.")
    ] = None,
    json_: Json = False,
) -> None:
    """Go on with a run or sweep that was broken off; tell of one that is done."""
    from .experiments.framework import runner, sweep, words  # noqa: F401 (now, not when something has begun)
    from .sim.runs import stop
    from .sim.runs.runfolder import SWEEP, read_run, tidy

    with process.interruptible(stop.ask):
        if (path / SWEEP).exists():
            _tell_sweep(path, workers, json_)
            return
        record = read_run(path)
        if record["status"] != "done":
            record = runner.resume(path, say=warn if json_ else say).record
        else:
            tidy(path)
            if not json_:
                say(words.of_run(record))
        _tell_end(path, record, json_)


@app.command()
def inspect(
    path: Annotated[Path, _place("RUN|FILE", "A run folder or an HDF5 file.")],
) -> None:
    """Tell what a run, sweep or file holds: settings, metrics, arrays."""
    from .experiments.framework import words
    from .sim.hdf5 import hdf5
    from .sim.results import chain
    from .sim.results.storage import RESULTS
    from .sim.runs.runfolder import RECORD, SWEEP, read_run

    if not path.is_dir():
        say("\n".join([str(path), *hdf5.tree(path)]))
        return
    if (path / SWEEP).exists():
        from .experiments.framework import sweep

        say(words.of_sweep(sweep.standing(path)))
        return
    files = [file for file in (path / RESULTS, *chain.sections(path)) if file.exists()]
    if (path / RECORD).exists():
        say(words.of_run(read_run(path)))
    elif not files:
        raise DataError(f"{path} is no run folder: it has neither {RECORD} nor {RESULTS}")
    for file in files:
        say("\n".join([file.name, *hdf5.tree(file, follow=False)]))


@app.command()
def plot(path: Annotated[Path, _place("RUN", "A run folder, or that of a sweep.")]) -> None:
    """Draw the figures of a run or a sweep again."""
    from .experiments.framework.runner import replot
    from .sim.results import figures
    from .sim.results.result import Result
    from .sim.runs.runfolder import RECORD, SWEEP

    if (path / RECORD).exists():
        replot(path, say)
        return
    if (path / SWEEP).exists():
        from .experiments.framework import sweep
        from .experiments.framework.sweep_figure import plot

        say(
            str(
                plot(path, sweep.standing(path))
                or f"{path}: no setting and metric to draw over each other"
            )
        )
        return
    place = path if path.is_dir() else path.parent
    say(str(figures.save(Result.load(path).plot(), place / "overview.png")))


@app.command()
def verify(path: Annotated[Path, _place("RUN", "A run folder.")]) -> None:
    """Run it again and compare the spike hash and the metrics."""
    from .experiments.framework import runner

    with process.interruptible():
        differences = runner.verify(path)
    for difference in differences:
        warn(f"potentia: {path}: {difference}")
    if differences:
        raise typer.Exit(1)
    say(f"{path}: the same spikes and metrics")


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help="A benchmark, such as cuba.")],
    set_: Set = None,
    peers: Annotated[
        str, typer.Option(help="Other simulators to measure too, such as brian2; comma-separated.")
    ] = "",
    history: Annotated[
        bool, typer.Option("--history", help="Write the figures to docs/benchmarks.md too.")
    ] = False,
    json_: Json = False,
) -> None:
    """Measure CPU seconds, beside other simulators and what the machine can do."""
    from .experiments.framework.catalogue import summary
    from .experiments.framework.experiment import format_table, read_settings

    process.return_home()  # a benchmark builds and keeps what it makes where it was started
    module, records = _benchmark(name), _benchmarks("_history")
    settings = read_settings(name, module.Settings, set_ or ())
    wanted = [peer for peer in (part.strip() for part in peers.split(",")) if peer]
    for peer in wanted:
        _peer(name, peer, module.PEERS)
    if history:
        records.check()
    with process.interruptible():
        report = module.run(settings, wanted)
    if history:
        about = summary(module.__doc__) or name
        records.write(report, settings.model_dump(mode="json"), about)
    if json_:
        say(json.dumps(report))
        return
    columns, rows = records.table(report["rows"])
    say(format_table(rows, header=columns))
    for ratio, value in report["ratios"].items():
        say(f"{ratio}: {value:.3g}")
    if report["ceiling_fraction"] is not None:
        say(f"fraction of the machine's own limit: {report['ceiling_fraction']:.3g}")


def main() -> None:
    """Run the command that the process was started with.

    Every error becomes one sentence and an exit code. Signals and closed streams are seen to by
    `__main__`, before this is imported.
    """
    with process.elsewhere():
        process.lost.clear()
        code = _guarded()
        try:
            sys.stdout.flush()
        except OSError as error:
            process.forget_stdout(error)
        if process.lost and code == 0:
            warn(f"potentia: what was to be printed is lost: {process.lost[0]}")
            code = 2
        exec("")  # else an interrupt that passed through another text ends `python -m` by SIGINT
        sys.exit(code)


def _guarded() -> int:
    """Run the command; the exit code."""
    try:
        return int(app(standalone_mode=False) or 0)
    except typer.Exit as stop:
        return int(stop.exit_code)
    except (Exception, KeyboardInterrupt) as error:
        code, told = process.ending(
            KeyboardInterrupt() if isinstance(error, typer.Abort) else error
        )
        warn(f"potentia: {told}")
        return code


def _tell_end(path: Path, record: dict[str, Any], as_json: bool) -> None:
    """The last lines of a run."""
    if as_json:
        told = {name: record[name] for name in ("experiment", "seed", "metrics")}
        say(json.dumps(told | {"run": str(path)}))
    else:
        say(f"spike hash {record['spike_hash']}\n{path}")


def _tell_sweep(folder: Path, workers: int | None, as_json: bool) -> None:
    """Carry out a sweep; print its table. Exit code 2 if a point could not be run."""
    from .experiments.framework import sweep, words
    from .experiments.framework.sweep_figure import plot

    points = sweep.carry_out(folder, workers=workers)
    failed = [point for point in points if point.error]
    for point in failed:
        settings = ", ".join(f"{key}={value}" for key, value in point.values.items())
        warn(f"potentia: {settings}: {point.error}")
    try:
        plot(folder, points)
    except DependencyError as error:
        warn(f"no sweep.png: {error}")
    if as_json:
        say(json.dumps({"sweep": str(folder), "points": [point.told for point in points]}))
    else:
        say(f"{words.of_sweep(points)}\n{folder / sweep.TABLE}")
    if failed:
        raise typer.Exit(2)


def _benchmark(name: str) -> Any:
    """The module of a benchmark."""
    import importlib
    import pkgutil

    from .sim import validation as check

    package = importlib.import_module(".tests.benchmarks", __package__)
    modules = [part.name for part in pkgutil.iter_modules(package.__path__)]
    known = [module.replace("_", "-") for module in modules if not module.startswith("_")]
    if name not in known:
        hint = check.nearest(name, known)
        raise ParameterError(
            f"no benchmark is called {name!r}{hint} (known: {', '.join(sorted(known))})"
        )
    return _benchmarks(name.replace("-", "_"))


def _benchmarks(module: str) -> Any:
    """A module of the benchmarks' package, which type checkers pass over."""
    import importlib

    return importlib.import_module(f".tests.benchmarks.{module}", __package__)


def _peer(name: str, peer: str, known: tuple[str, ...]) -> None:
    import importlib.util

    from .sim import validation as check

    check.one_of(name, "peers", peer, known)
    if importlib.util.find_spec(peer) is None:
        raise DependencyError(
            f"{name} --peers: {peer} is not installed; install it with pip install {peer}"
        )

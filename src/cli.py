"""`longhand`: the reader and the stages for people. Training libraries are imported by the commands that need them."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from src.backup_commands import backup, restore
from src.errors import ImageError, LonghandError, MissingArtefactError
from src.model_commands import models
from src.paths import Paths
from src.pipeline_commands import pipeline
from src.recognition.beam import Fusion
from src.recognition.images import decode_image
from src.recognition.language_model import LanguageModel
from src.recognition.reading import Reading
from src.recognition.recognizer import Recognizer
from src.service_commands import keys, read_with_service, write_corrections
from src.stage import run, set_up_logging

app = typer.Typer(help="Read handwriting with a model of your own.", no_args_is_help=True)
app.add_typer(keys, name="keys")
app.add_typer(models, name="models")
app.add_typer(pipeline, name="pipeline")
app.command()(backup)
app.command()(restore)


@app.command()
def read(
    context: typer.Context,
    images: Annotated[list[Path], typer.Argument(help="Images of words or lines.", show_default=False)],
    model: Annotated[
        Path | None, typer.Option(envvar="LONGHAND_MODEL", help="ONNX file; else the trained, else the released one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with all that was read.")] = False,
    alternatives: Annotated[int, typer.Option(min=0, max=20, help="Other texts to give at most.")] = 0,
    vocabulary: Annotated[Path | None, typer.Option(help="File of the only texts allowed, one a line.")] = None,
    server: Annotated[
        str | None, typer.Option(help="Address of a service that reads; its key in LONGHAND_KEY.")
    ] = None,
    language_model: Annotated[Path | None, typer.Option(help="That has a say; from `longhand language-model`.")] = None,
    careful: Annotated[bool, typer.Option("--careful", help="Fewer errors, for three to four times the time.")] = False,
) -> None:
    """Read images; a bad one is reported, the others are read, and the exit code is 1."""
    set_up_logging()
    if vocabulary and language_model:
        raise typer.BadParameter("give --vocabulary or --language-model: a list leaves a language model nothing to say")
    # LONGHAND_MODEL is a setting of this machine, and no wish for this call.
    source = context.get_parameter_source("model")
    if server and (language_model or (source is not None and source.name == "COMMANDLINE")):
        raise typer.BadParameter("--server reads with the service's own model")
    failed = False
    try:
        entries = _entries(vocabulary) if vocabulary else None
        found: Iterator[tuple[Path, Any]]
        if server:
            found = read_with_service(server, images, alternatives, entries, careful)
        else:
            found = _read_here(model or Paths().served_model, images, alternatives, entries, language_model, careful)
        for path, reading in found:
            if isinstance(reading, str):
                typer.echo(f"error: {path}: {reading}", err=True)
                failed = True
            elif as_json:
                values = asdict(reading) if isinstance(reading, Reading) else reading.model_dump()
                typer.echo(json.dumps({"image": None} | values | {"image": str(path)}, ensure_ascii=False))
            else:
                name = f"{path}\t" if len(images) > 1 else ""
                typer.echo(f"{name}{reading.text}\t{reading.confidence:.3f}")
                for other in reading.alternatives:
                    typer.echo(f"  or\t{other.text}\t{other.confidence:.3f}")
    except LonghandError as error:
        raise _failed(error) from error
    if failed:
        raise typer.Exit(1)


def _read_here(
    model: Path,
    images: list[Path],
    alternatives: int,
    entries: list[str] | None,
    language_model: Path | None,
    careful: bool,
) -> Iterator[tuple[Path, Reading | str]]:
    """Read images with a model file: each, and its reading or why there is none."""
    recognizer = Recognizer.load(model)
    vocabulary = recognizer.vocabulary(entries) if entries is not None else None
    fusion = Fusion.of(LanguageModel.load(language_model), recognizer.charset) if language_model else None
    for path in images:
        try:
            (reading,) = recognizer.read([decode_image(path)], vocabulary, alternatives, fusion, careful)
        except ImageError as error:
            yield path, str(error)
        else:
            yield path, reading


@app.command(name="import")
def import_(
    source: Annotated[Path | None, typer.Argument(help="A folder or an archive of ground truth.")] = None,
    corrections: Annotated[bool, typer.Option("--corrections", help="What the service's people corrected.")] = False,
    name: Annotated[str | None, typer.Option(help="The archive's name; the source's by default.")] = None,
    format_: Annotated[str | None, typer.Option("--format", help="iam, alto, page or table; found out.")] = None,
    collection: Annotated[str | None, typer.Option(help="Archives of one collection share writers.")] = None,
    writer_pattern: Annotated[str | None, typer.Option(help="Regex; its group is the writer in a file name.")] = None,
    drop_pattern: Annotated[list[str] | None, typer.Option(help="Regex of texts to leave out; repeatable.")] = None,
) -> None:
    """Bring ground truth into data/raw."""
    from src.data.import_ground_truth import import_ground_truth

    if (source is None) != corrections:
        raise typer.BadParameter("give a folder or an archive, or --corrections")

    def work() -> None:
        with tempfile.TemporaryDirectory(prefix="longhand-") as folder:
            archive = import_ground_truth(
                source or write_corrections(Path(folder) / "corrections.tar.gz"),
                Paths().raw,
                name=name,
                format=format_,
                collection=collection,
                writer_pattern=writer_pattern,
                drop_patterns=drop_pattern or (),
            )
        typer.echo(archive)

    run(work)


@app.command(name="language-model")
def language_model(
    target: Annotated[Path, typer.Argument(help="The file to write, .npz.")],
    text: Annotated[
        Path | None, typer.Option(help="UTF-8 text such as is to be read, a line as it is written.")
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option(help="Its frequent words count: en, fr, ...; repeatable.")
    ] = None,
) -> None:
    """Build a language model from text, from frequent words, or both; `read --language-model` uses it."""
    from src.data.build_language_model import build_language_model

    def work() -> None:
        build_language_model(target, text_file=text, languages=language or ())

    run(work)


@app.command()
def sample() -> None:
    """Write the sample archive data/raw/raw_data.tar.gz as params.yaml says."""
    from src.data.synthesis.sample_archive import main

    run(main)


@app.command()
def synthesize(
    fonts: Annotated[Path, typer.Argument(help="Folder of handwriting fonts: .ttf, .otf, .woff, .woff2.")],
    count: Annotated[int, typer.Option(min=1, help="Images: words and parts of sentences.")] = 20_000,
    language: Annotated[list[str] | None, typer.Option(help="en, fr, ...; repeatable; twelve by default.")] = None,
    manners: Annotated[int, typer.Option(min=1, help="Hands a font: slant, width, stroke, pen, paper.")] = 3,
    seed: Annotated[int, typer.Option(help="Of all that is drawn.")] = 20,
) -> None:
    """Write data/raw/fonts.tar.gz: text in handwriting fonts, to learn from and never to measure on."""
    from src.data.synthesis.font_archive import COLLECTION, write_font_archive
    from src.data.synthesis.sentences import LANGUAGES

    def work() -> None:
        target = Paths().raw / f"{COLLECTION}.tar.gz"
        target.parent.mkdir(parents=True, exist_ok=True)
        write_font_archive(fonts, target, count, language or LANGUAGES, manners, seed)
        typer.echo(target)

    run(work)


@app.command()
def teach(
    source: Annotated[Path, typer.Argument(help="Labelled words or lines: a folder or an archive, as for `import`.")],
    model: Annotated[
        Path | None,
        typer.Option(envvar="LONGHAND_MODEL", help="ONNX file; else the trained, else the released."),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Folder to write; models/taught by default.")] = None,
    format_: Annotated[str | None, typer.Option("--format", help="iam, alto, page or table; found out.")] = None,
    writer_pattern: Annotated[str | None, typer.Option(help="Regex; its group is the writer in a file name.")] = None,
    drop_pattern: Annotated[list[str] | None, typer.Option(help="Regex of texts to leave out; repeatable.")] = None,
) -> None:
    """Teach a recognizer a hand from a few dozen labelled words or more; minutes on two cores."""
    from src.models.teach import teach as teach_recognizer
    from src.params import load_params

    def work() -> None:
        paths = Paths()
        taught = teach_recognizer(
            source,
            model or paths.served_model,
            output or paths.taught,
            load_params(paths.params).teach,
            project=paths,
            format=format_,
            writer_pattern=writer_pattern,
            drop_patterns=drop_pattern or (),
        )
        typer.echo(f"{taught.model}: learnt from {taught.learnt} samples in {taught.seconds:.0f} s")
        if taught.held_out:
            typer.echo(f"CER on {taught.held_out} kept back: {taught.before:.1%} before, {taught.after:.1%} after")
        typer.echo(f"CER on samples of others: {taught.others_before:.1%} before, {taught.others_after:.1%} after")
        typer.echo(f"Read with it: longhand read --model {taught.model} IMAGE")

    run(work)


@app.command()
def results() -> None:
    """Print the table of results that evaluate_model wrote."""

    def work() -> None:
        table = Paths().reports / "results.md"
        if not table.is_file():
            raise MissingArtefactError(f"{table}: not found; run `dvc repro` first")
        typer.echo(table.read_text(encoding="utf-8"))

    run(work)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
) -> None:
    """Serve the model over HTTP."""
    import uvicorn

    set_up_logging()
    uvicorn.run("src.api.api:app", host=host, port=port, server_header=False, access_log=False)


def _entries(path: Path) -> list[str]:
    """The lines of a vocabulary file that are not empty."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise MissingArtefactError(f"{path}: cannot be read as UTF-8 text: {error}") from error
    entries = [line.strip() for line in lines if line.strip()]
    if not entries:
        raise MissingArtefactError(f"{path}: holds no text to choose from; write one a line")
    return entries


def _failed(error: LonghandError) -> Any:
    """Say what went wrong; the exit to raise."""
    typer.echo(f"error: {error}", err=True)
    return typer.Exit(1)


if __name__ == "__main__":
    app()

"""The steps of the pipeline on a small sample: what counts as new, corrections, state, metrics."""

import json
import shutil
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from src.errors import MissingArtefactError, PipelineError, RegistryError
from src.paths import Paths, start_beside
from src.pipeline.report import monitoring
from src.pipeline.stages import data_stages, run_stages, stages
from src.pipeline.state import State, fingerprint, read_state, write_state
from src.pipeline.steps import ingestion, prediction, timed, training
from src.recognition import read_info
from src.registry.log_runs import register_challenger
from src.registry.promotion import promote
from tests.test_api.running import running, tiny_settings
from tests.test_api.test_api import picture
from tests.test_pipeline.made_project import ROOT, make_project
from tests.test_registry.made_registry import champion, make_registry, write_version


@pytest.fixture(scope="module")
def ingested(tmp_path_factory) -> Path:
    """A project after its first ingestion."""
    folder = make_project(tmp_path_factory.mktemp("pipeline") / "project", 60, 12, 0.1)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PYTHONPATH", str(folder))
        patch.setenv("LONGHAND_DATABASE_URL", "sqlite:///data/service/longhand.db")
        timed(Paths(folder), "ingestion", ingestion)
    return folder


@pytest.fixture
def paths(ingested, tmp_path, monkeypatch) -> Paths:
    folder = tmp_path / "project"
    shutil.copytree(ingested, folder, symlinks=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("LONGHAND_DATABASE_URL", "sqlite:///data/service/longhand.db")
    for name in ("LONGHAND_SERVICE_URL", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    return Paths(folder)


def correct(paths: Paths, text: str) -> str:
    """Correct a reading of the service whose store the project has; its id."""
    url = "sqlite:///data/service/longhand.db"
    with running(tiny_settings(paths.root, database_url=url)) as client:
        read = client.post("/predict/", files={"file": ("a.png", picture())}).json()
        answer = client.post("/corrections", data={"prediction_id": read["id"], "text": text})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])


def test_the_sample_is_drawn_and_samples_are_made(paths):
    assert paths.raw_archive.exists()
    assert (paths.split / "test.txt").exists()
    state = read_state(paths)
    assert state.in_work == fingerprint(paths)
    assert state.done == data_stages(ROOT)
    assert state.seconds["ingestion"] > 0


def test_stages_are_those_of_dvc_yaml_and_the_last_judges():
    names = list(stages(ROOT))
    assert names[0] == "extract_raw_data"
    assert names[-1] == "judge"
    assert "train_recognizer" not in data_stages(ROOT)
    assert len(data_stages(ROOT)) == 12


def test_what_is_done_for_the_same_material_is_not_done_again(paths):
    before = paths.encoded.stat().st_mtime_ns
    ingestion(paths)
    assert paths.encoded.stat().st_mtime_ns == before


def test_after_a_restore_the_samples_are_made_again_and_nothing_is_trained(paths):
    write_state(paths, State(learnt=fingerprint(paths)))
    shutil.rmtree(paths.processed)
    shutil.rmtree(paths.interim)
    ingestion(paths)
    assert (paths.split / "test.txt").exists()
    training(paths)
    assert read_state(paths).outcome == "nothing_new"


def test_nothing_new_trains_nothing(paths):
    write_state(paths, State(learnt=fingerprint(paths)))
    ingestion(paths)
    training(paths)
    assert read_state(paths).outcome == "nothing_new"
    assert not paths.recognizer.exists()


def test_new_material_is_another_archive_another_setting_or_other_bytes(paths):
    prints = {fingerprint(paths)}
    paths.params.write_text(paths.params.read_text() + "\nlanguage: {order: 5}\n")
    prints.add(fingerprint(paths))
    shutil.copy(paths.raw_archive, paths.raw / "more.tar.gz")
    prints.add(fingerprint(paths))
    (paths.raw / "more.tar.gz").write_bytes(b"other")
    prints.add(fingerprint(paths))
    assert len(prints) == 4


def test_a_comment_and_what_changes_no_model_are_nothing_new(paths):
    before = fingerprint(paths)
    text = paths.params.read_text().replace("milliseconds: 1000.0", "milliseconds:   900.0")
    paths.params.write_text(f"# a comment\n{text}\nteach: {{steps: 10}}\n")
    assert fingerprint(paths) == before


def killed(paths: Paths, names: list[str], *_: object) -> None:
    """Stages that end, but for a training's."""
    if "judge" in names:
        raise PipelineError("killed")


def test_corrections_wait_for_a_training_in_work_but_not_for_ever(paths, monkeypatch):
    monkeypatch.setattr("src.pipeline.steps.run_stages", killed)
    begun = read_state(paths)
    with pytest.raises(PipelineError, match="killed"):
        training(paths)
    correct(paths, "bb")
    for _ in range(2):
        ingestion(paths)
        state = read_state(paths)
        assert (state.in_work, state.done) == (begun.in_work, begun.done), "it is taken up"
        assert fingerprint(paths) == begun.in_work
        with pytest.raises(PipelineError, match="killed"):
            training(paths)
    ingestion(paths)
    state = read_state(paths)
    assert state.in_work == fingerprint(paths) != begun.in_work, "three tries were enough"
    assert (state.done, state.tries) == ([], 0)


def test_corrections_that_waited_come_in_when_the_training_has_ended(paths, monkeypatch):
    monkeypatch.setattr("src.pipeline.steps.run_stages", killed)
    begun = fingerprint(paths)
    with pytest.raises(PipelineError, match="killed"):
        training(paths)
    correct(paths, "bb")
    ingestion(paths)
    monkeypatch.setattr("src.pipeline.steps.run_stages", lambda *_: None)
    training(paths)
    state = read_state(paths)
    assert (state.learnt, state.in_work, state.tries) == (begun, None, 0)
    ingestion(paths)
    assert read_state(paths).in_work == fingerprint(paths) != begun


def test_another_setting_begins_a_training_in_work_anew_with_what_waited(paths, monkeypatch):
    monkeypatch.setattr("src.pipeline.steps.run_stages", killed)
    with pytest.raises(PipelineError, match="killed"):
        training(paths)
    correct(paths, "bb")
    paths.params.write_text(paths.params.read_text() + "\nlanguage: {order: 5}\n")
    ingestion(paths)
    assert (paths.raw / "corrections.tar.gz").exists()
    assert read_state(paths).tries == 0


def test_a_training_starts_from_the_champion_of_the_server_not_of_the_folder(paths, monkeypatch):
    make_registry(paths.root, "stale")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{paths.root / 'elsewhere.db'}")
    elsewhere = Paths(paths.root / "elsewhere")
    file = write_version(elsewhere, "newer")
    start_beside(file).write_bytes(b"weights")
    register_challenger(elsewhere, file)
    promote(elsewhere, "newer", "it is good")
    assert champion(paths) == "stale"
    monkeypatch.setattr("src.pipeline.steps.run_stages", killed)
    with pytest.raises(PipelineError, match="killed"):
        training(paths)
    assert champion(paths) == "newer"
    assert read_info(paths.start_model).version == "newer"
    assert paths.start_weights.read_bytes() == b"weights"


def test_a_server_that_is_away_stops_a_training_and_not_a_night_without_news(paths, monkeypatch, caplog):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(RegistryError, match="does not answer"):
        training(paths)
    assert read_state(paths).tries == 0, "it is no try of the material"
    write_state(paths, State(learnt=fingerprint(paths)))
    training(paths)
    assert read_state(paths).outcome == "nothing_new"
    assert "does not answer" in caplog.text


def test_a_champion_without_weights_leaves_the_released_ones_to_start_from(paths, monkeypatch, caplog):
    make_registry(paths.root, "taught")
    paths.start.mkdir(parents=True)
    for name in ("recognizer.onnx", "start.pt"):
        (paths.start / name).write_bytes(b"of an earlier champion")
    monkeypatch.setattr("src.pipeline.steps.run_stages", killed)
    with pytest.raises(PipelineError, match="killed"):
        training(paths)
    assert paths.start_weights == start_beside(paths.released_model)
    assert "earlier champion" in caplog.text


def test_corrections_come_in_once_and_go_when_they_are_forgotten(paths, monkeypatch):
    monkeypatch.setattr("src.pipeline.steps.run_stages", lambda *_: None)
    archive = paths.raw / "corrections.tar.gz"
    before = fingerprint(paths)
    name = correct(paths, "bb")
    ingestion(paths)
    assert archive.exists()
    assert fingerprint(paths) != before
    written, content = archive.stat().st_mtime_ns, archive.read_bytes()
    ingestion(paths)
    assert (archive.stat().st_mtime_ns, archive.read_bytes()) == (written, content), "nothing changed"
    url = "sqlite:///data/service/longhand.db"
    with running(tiny_settings(paths.root, database_url=url)) as client:
        assert client.delete(f"/corrections/{name}").status_code == 204
    ingestion(paths)
    assert not archive.exists(), "the image and the text are gone"
    assert fingerprint(paths) == before


def test_corrections_that_a_person_imported_stay_where_there_is_no_store(paths, monkeypatch):
    monkeypatch.setattr("src.pipeline.steps.run_stages", lambda *_: None)
    archive = paths.raw / "corrections.tar.gz"
    shutil.copy(paths.raw_archive, archive)
    ingestion(paths)
    assert archive.exists()


def test_a_stage_that_fails_is_named_and_those_before_are_done(paths):
    (paths.root / "params.yaml").write_text("features: {height: 47}\n")
    done: list[str] = []
    with pytest.raises(PipelineError, match="extract_raw_data: failed with code 1"):
        run_stages(paths, data_stages(paths.root), [], done.append)
    assert done == []


def test_a_damaged_state_is_named_with_the_remedy(paths):
    (paths.pipeline / "state.json").write_text("{")
    with pytest.raises(MissingArtefactError, match=r"state\.json: damaged; remove it"):
        training(paths)


def test_without_a_service_the_champions_file_is_read_with(paths, caplog, monkeypatch):
    monkeypatch.setattr("src.pipeline.steps.DEFAULT_URL", "http://127.0.0.1:9")
    caplog.set_level("INFO")
    prediction(paths)
    assert "no service answers" in caplog.text


def test_a_service_that_is_named_must_answer(paths, monkeypatch):
    monkeypatch.setenv("LONGHAND_SERVICE_URL", "http://127.0.0.1:9")
    with pytest.raises(PipelineError, match="does not answer"):
        prediction(paths)


def figures(paths: Paths) -> dict[tuple[str, ...], float]:
    text = (paths.pipeline / "pipeline.prom").read_text()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_metrics_tell_of_the_last_run(paths):
    write_state(paths, State(outcome="trained", seconds={"training": 12.5}, started=1000.0))
    monitoring(paths)
    told = figures(paths)
    assert told["longhand_pipeline_outcome", "trained"] == 1
    assert told["longhand_pipeline_outcome", "failed"] == 0
    assert told["longhand_pipeline_step_seconds", "training"] == 12.5
    assert told["longhand_pipeline_last_run_timestamp_seconds",] == 1000.0
    success = told["longhand_pipeline_last_success_timestamp_seconds",]
    monitoring(paths, failed="training")
    told = figures(paths)
    assert told["longhand_pipeline_outcome", "failed"] == 1
    assert told["longhand_pipeline_failed_step", "training"] == 1
    assert told["longhand_pipeline_last_success_timestamp_seconds",] == success
    assert json.loads((paths.pipeline / "state.json").read_text())["failed_step"] == "training"


def test_a_gateway_that_is_away_loses_nothing(paths, monkeypatch, caplog):
    monkeypatch.setenv("LONGHAND_PUSHGATEWAY", "127.0.0.1:9")
    monitoring(paths)
    assert "cannot be pushed" in caplog.text
    assert (paths.pipeline / "pipeline.prom").exists()

"""The gate on real models, from files and samples to the registry, the report and what is in service."""

import json

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from src.models.export import export_recognizer
from src.models.network import RecognizerNetwork
from src.models.start import Origin, network_of, origin_of, read_start, save_start
from src.params import Params
from src.paths import Paths, start_beside
from src.recognition import Charset, ModelInfo
from src.registry.client import CHAMPION, answering, client
from src.registry.judge import judge
from src.registry.log_runs import register_challenger
from src.registry.promotion import history
from src.registry.versions import alias, versions
from tests.test_models.drawn_samples import write_drawn_samples
from tests.test_models.test_export import make_info
from tests.test_registry.made_registry import champion

PARAMS = Params.model_validate({"gate": {"bootstrap_rounds": 200, "slice_samples": 10}})


def write_model(paths: Paths, version: str, network: RecognizerNetwork, learnt: Origin, charset: Charset) -> None:
    """A model file and its weights, as a training leaves them."""
    file = paths.root / "trained" / version / "recognizer.onnx"
    info = make_info().model_copy(update={"version": version, "charset": charset.characters, "training": SHAPE})
    export_recognizer(network, info, file)
    save_start(network.state_dict(), charset, learnt, start_beside(file))


SHAPE = {"params": {"channels": [16, 16, 16, 32], "blocks": [1, 1, 1], "head": "conv", "head_layers": 1}}


def fresh(charset: Charset) -> RecognizerNetwork:
    import torch

    torch.manual_seed(5)
    return RecognizerNetwork(charset.size, 48, (16, 16, 16, 32), (1, 1, 1), "conv", 1).eval()


@pytest.fixture
def paths(tmp_path, monkeypatch) -> Paths:
    """Samples of ten writers, three of them in the test part; a released model that has learnt nothing."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    paths = write_drawn_samples(tmp_path, 120)
    table = pd.read_parquet(paths.encoded)
    for part, writers in (("train", "0123456"), ("test", "789")):
        listed = table.loc[table["writer"].str[-1].isin(list(writers)), "sample_id"]
        (paths.split / f"{part}.txt").write_text("".join(f"{name}\n" for name in listed))
    charset = Charset.from_json(paths.charset.read_text())
    write_model(paths, "released", fresh(charset), origin_of(paths, ("train",)), charset)
    paths.released_model.parent.mkdir(parents=True)
    for file in (paths.root / "trained" / "released").iterdir():
        file.rename(paths.released_model.parent / file.name)
    return paths


@pytest.fixture(scope="module")
def taught(tmp_path_factory) -> RecognizerNetwork:
    """A network that has learnt the drawn words of the training part, in seconds."""
    import torch

    from src.data.samples import PackedSamples

    paths = write_drawn_samples(tmp_path_factory.mktemp("lesson"), 120)
    charset = Charset.from_json(paths.charset.read_text())
    table, samples = pd.read_parquet(paths.encoded), PackedSamples(paths.samples)
    network = fresh(charset).train()
    chosen = [row for row, writer in enumerate(table["writer"]) if int(writer[-1]) < 7]
    width = max(int(samples.widths[row]) for row in chosen)
    images = torch.zeros((len(chosen), 48, -(-width // 32) * 32), dtype=torch.uint8)
    for place, row in enumerate(chosen):
        images[place, :, : samples.widths[row]] = torch.tensor(samples[row])
    codes = [torch.tensor(charset.encode(table["text"][row])) for row in chosen]
    optimizer, loss_of = torch.optim.AdamW(network.parameters(), 3e-3), torch.nn.CTCLoss(zero_infinity=True)
    random = torch.Generator().manual_seed(1)
    for _ in range(160):
        some = torch.randperm(len(chosen), generator=random)[:24].tolist()
        frames, shortcut = network.with_shortcut(images[some])
        lengths = torch.full((len(some),), frames.shape[1])
        texts, sizes = torch.cat([codes[i] for i in some]), torch.tensor([len(codes[i]) for i in some])
        loss = sum(loss_of(out.transpose(0, 1), texts, lengths, sizes) for out in (frames, shortcut))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network.eval()


def challenge(paths: Paths, version: str, network: RecognizerNetwork, learnt: Origin | None = None) -> None:
    charset = Charset.from_json(paths.charset.read_text())
    write_model(paths, version, network, learnt or origin_of(paths, ("train",)), charset)
    register_challenger(paths, paths.root / "trained" / version / "recognizer.onnx")


def test_a_first_model_passes_against_the_released_one(paths, taught):
    challenge(paths, "v1", taught)
    verdict = judge(paths, PARAMS)
    assert verdict is not None
    assert verdict.passed, verdict.reason
    assert (verdict.champion, verdict.challenger) == ("released", "v1")
    assert verdict.difference.high < 0
    assert champion(paths) == "v1"
    assert [event.version for event in history(paths)] == ["released", "v1"]
    assert verdict.reason in history(paths)[-1].reason


def test_the_report_is_a_page_with_its_plots_and_is_kept_with_the_run(paths, taught):
    challenge(paths, "v1", taught)
    verdict = judge(paths, PARAMS)
    assert verdict is not None
    page = (paths.gate / "verdict.html").read_text()
    for text in ("Promoted", "v1", "released", "data:image/png;base64", "Read better", verdict.checks[0].text):
        assert text in page
    told = json.loads((paths.gate / "verdict.json").read_text())
    assert told["passed"] is True
    assert {check["name"] for check in told["checks"]} == {
        "characters read wrongly", "slices", "confidence", "time", "model file", "unseen samples", "test set"
    }  # fmt: skip
    store = MlflowClient(f"sqlite:///{paths.root / 'mlflow.db'}")
    run = store.search_model_versions("name = 'recognizer' and tags.model_version = 'v1'")[0].run_id
    assert {item.path for item in store.list_artifacts(run, "gate")} >= {"gate/verdict.html", "gate/slices.csv"}


def test_a_worse_model_is_refused_once_and_what_is_in_service_stays(paths, taught):
    challenge(paths, "v1", taught)
    judge(paths, PARAMS)
    challenge(paths, "v2", fresh(Charset.from_json(paths.charset.read_text())))
    verdict = judge(paths, PARAMS)
    assert verdict is not None
    assert not verdict.passed
    assert "characters read wrongly" in verdict.reason
    assert champion(paths) == "v1"
    assert judge(paths, PARAMS) is None, "it was refused against this champion on these samples"


def test_comparing_promotes_nothing(paths, taught):
    challenge(paths, "v1", taught)
    verdict = judge(paths, PARAMS, promoting=False)
    assert verdict is not None
    assert verdict.passed
    assert verdict.champion == "released"
    assert not (paths.registry / "champion.json").exists()
    assert history(paths) == []
    with answering(paths):
        assert alias(client(paths), CHAMPION) is None
        assert len(versions(client(paths))) == 1, "the released model was not registered"
    assert judge(paths, PARAMS) is not None
    assert champion(paths) == "v1"


def test_a_model_that_has_learnt_the_test_samples_is_refused(paths, taught):
    challenge(paths, "v1", taught, origin_of(paths, ("train", "test")))
    verdict = judge(paths, PARAMS)
    assert verdict is not None
    assert [check.name for check in verdict.checks if not check.passed] == ["unseen samples"]
    assert champion(paths) == "released"


def test_a_file_that_is_not_its_network_is_refused(paths, taught):
    charset = Charset.from_json(paths.charset.read_text())
    challenge(paths, "v1", taught)
    file = paths.root / "trained" / "v1" / "recognizer.onnx"
    save_start(fresh(charset).state_dict(), charset, origin_of(paths, ("train",)), start_beside(file))
    info = ModelInfo.model_validate(make_info().model_dump() | {"version": "v2", "training": SHAPE})
    export_recognizer(taught, info.model_copy(update={"charset": charset.characters}), file)
    register_challenger(paths, file)
    verdict = judge(paths, PARAMS)
    assert verdict is not None
    assert [check.name for check in verdict.checks if not check.passed] == ["model file"]


def test_a_changed_test_set_is_noticed_and_may_be_meant(paths, taught):
    challenge(paths, "v1", fresh(Charset.from_json(paths.charset.read_text())))
    judge(paths, Params.model_validate({"gate": {"slice_samples": 10, "calibration_error": 0.99}}))
    assert champion(paths) == "v1", "it reads as the released one does: no loss"
    table = pd.read_parquet(paths.encoded)
    listed = (paths.split / "test.txt").read_text().split()
    table.loc[table["sample_id"] == listed[0], "text"] = "abc"
    table.to_parquet(paths.encoded)
    challenge(paths, "v2", taught)
    verdict = judge(paths, PARAMS)
    assert verdict is not None
    assert [check.name for check in verdict.checks if not check.passed] == ["test set"]
    assert "1 are altered" in verdict.reason
    verdict = judge(paths, PARAMS, new_test_set=True)
    assert verdict is not None
    assert champion(paths) == "v2"


def test_without_a_challenger_there_is_nothing_to_judge_and_the_released_model_serves(paths):
    assert judge(paths, PARAMS) is None
    assert champion(paths) == "released"
    start = read_start(paths.registry / "versions" / "released" / "start.pt")
    info = make_info().model_copy(update={"training": SHAPE, "charset": start.charset.characters})
    assert network_of(info, start, start.charset) is not None, "trainings can start from it"

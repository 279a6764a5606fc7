"""The files for Prometheus and Alertmanager, judged by their own tools."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.test_monitoring.stack import MONITORING, ROOT, program

FOLDER = MONITORING / "prometheus"
RULES, TESTS = sorted(FOLDER.glob("rules/*.yml")), sorted(FOLDER.glob("tests/*.yml"))


def alerts() -> dict[str, dict[str, object]]:
    groups = [group for file in RULES for group in yaml.safe_load(file.read_text())["groups"]]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def told(command: list[object]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_takes_the_configuration() -> None:
    assert "SUCCESS" in told([program("promtool"), "check", "config", FOLDER / "prometheus.yml"])


def test_prometheus_takes_the_rules() -> None:
    said = told([program("promtool"), "check", "rules", *RULES])
    assert said.count("SUCCESS") == len(RULES) == 2


def test_alertmanager_takes_its_configuration() -> None:
    told([program("amtool"), "check-config", MONITORING / "alertmanager" / "alertmanager.yml"])


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_alerts_fire_when_they_should_and_not_otherwise(file: Path) -> None:
    assert "SUCCESS" in told([program("promtool"), "test", "rules", file])


def test_each_alert_has_a_case_for_and_one_against_it() -> None:
    cases = [
        case for file in TESTS for test in yaml.safe_load(file.read_text())["tests"] for case in test["alert_rule_test"]
    ]
    for expected in (True, False):
        assert {case["alertname"] for case in cases if bool(case.get("exp_alerts")) is expected} == set(alerts())


def test_a_test_that_is_wrong_fails(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "prometheus")
    rules = tmp_path / "prometheus" / "rules" / "alerts.yml"
    rules.write_text(rules.read_text().replace("longhand:drift:psi >", "longhand:drift:psi > 1000 >"))
    command = [program("promtool"), "test", "rules", tmp_path / "prometheus" / "tests" / "quality.yml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode != 0 and "Drift" in done.stdout + done.stderr


def test_each_alert_says_what_to_do_in_the_documentation() -> None:
    text = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    told_of = set(re.findall(r"^\| `(\w+)` \|", text, re.M))
    assert set(alerts()) <= told_of


def test_severities_are_those_that_alertmanager_routes() -> None:
    assert {rule["labels"]["severity"] for rule in alerts().values()} == {"critical", "warning"}  # type: ignore[index]

# The tasks of the Makefile for Windows: ./make.ps1 run
param(
    [ValidateSet("help", "setup", "run", "pipeline", "serve", "test", "lint", "bench")]
    [string]$Task = "help",
    [switch]$NoServe,
    [string]$HostName = "127.0.0.1",
    [int]$Port = 8000
)

$ErrorActionPreference = "Stop"
Set-Location $PSScriptRoot
$binaries = if (Test-Path "$env:SystemRoot\System32") { "Scripts" } else { "bin" }
$separator = [IO.Path]::PathSeparator
$env:PATH = (Join-Path (Join-Path $PSScriptRoot ".venv") $binaries) + $separator + $env:PATH

$stages = "extract_raw_data", "load_dataset", "filter_data", "clean_data", "encode_data", "prepare_features",
    "split_data", "reshape_data", "calculate_class_weights", "one_hot_encode_labels"
$models = "setup_callbacks", "build_train_cnn", "evaluate_model"

function Invoke-Step {
    # Run a program; stop at the first that fails, as make does.
    $program, $arguments = $args
    & $program @arguments
    if ($LASTEXITCODE -ne 0) { throw "$args failed ($LASTEXITCODE)" }
}

function Invoke-Setup {
    if (Get-Command py -ErrorAction SilentlyContinue) { Invoke-Step py -3.11 scripts/setup.py }
    else { Invoke-Step python3.11 scripts/setup.py }
}

function Invoke-Pipeline {
    Invoke-Setup
    Invoke-Step python scripts/provide_data.py
    Invoke-Step dvc repro
    Invoke-Step longhand results
}

function Invoke-Service { Invoke-Step uvicorn src.api.api:app --host $HostName --port $Port --no-server-header --no-access-log }

switch ($Task) {
    "help" {
        @(
            "./make.ps1 setup      .venv with the pinned requirements; only when they changed"
            "./make.ps1 run        from raw archives (or a sample) to the service on http://localhost:8000; -NoServe leaves it out"
            "./make.ps1 pipeline   everything up to the table of results; only what changed"
            "./make.ps1 serve      the service with the model of the last training"
            "./make.ps1 test       the stages' unittest commands, then all tests"
            "./make.ps1 lint       style, types and the direction of imports"
            "./make.ps1 bench      how fast and how large the data stages are on a generated archive"
        )
    }
    "setup" { Invoke-Setup }
    "run" { Invoke-Pipeline; if (-not $NoServe) { Invoke-Service } }
    "pipeline" { Invoke-Pipeline }
    "serve" { Invoke-Setup; Invoke-Service }
    "test" {
        Invoke-Setup
        foreach ($name in $stages) { Invoke-Step python -m unittest "tests/test_data/test_$name.py" }
        foreach ($name in $models) { Invoke-Step python -m unittest "tests/test_models/test_$name.py" }
        Invoke-Step pytest
    }
    "lint" {
        Invoke-Setup
        Invoke-Step ruff check .
        Invoke-Step ruff format --check .
        Invoke-Step mypy
        Invoke-Step lint-imports --no-logo
    }
    "bench" { Invoke-Setup; Invoke-Step python benchmarks/bench_pipeline.py --check }
}

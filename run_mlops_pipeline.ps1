# One run of the loop on Windows: ingestion -> training -> prediction -> monitoring, as run_mlops_pipeline.sh.
#
#   ./run_mlops_pipeline.ps1           in containers (docker-compose.yml)
#   ./run_mlops_pipeline.ps1 -Local    with the .venv of this folder (also --local)
#
# Exit codes: 0 all went well (also when nothing was new); 75 another run is at work; else a step failed, which the last
# line names. Time limits, seconds: LONGHAND_INGESTION_SECONDS, LONGHAND_TRAINING_SECONDS, LONGHAND_PREDICTION_SECONDS,
# LONGHAND_MONITORING_SECONDS. A run that was killed is taken up by the next.
param(
    [switch]$Local,
    [Parameter(ValueFromRemainingArguments = $true)] [string[]]$Rest = @()
)

$ErrorActionPreference = "Stop"
Set-Location $PSScriptRoot
if ($Rest -contains "--local") { $Local = $true }
if ($Rest | Where-Object { $_ -ne "--local" }) { [Console]::Error.WriteLine("usage: run_mlops_pipeline.ps1 [-Local]"); exit 2 }

$binaries = if (Test-Path "$env:SystemRoot\System32") { "Scripts" } else { "bin" }
$env:PATH = (Join-Path (Join-Path $PSScriptRoot ".venv") $binaries) + [IO.Path]::PathSeparator + $env:PATH
$env:TQDM_DISABLE = "1" # progress bars are for people
$env:PYTHONUTF8 = "1"

$state = Join-Path $PSScriptRoot "data/pipeline"
$logs = Join-Path $state "logs"
New-Item -ItemType Directory -Force -Path $logs | Out-Null

# The lock is an open file that nobody else may open. It is free when this process ends, however it ends.
try { $lock = [IO.File]::Open((Join-Path $state "lock"), "OpenOrCreate", "ReadWrite", "None") }
catch [IO.IOException] {
    [Console]::Error.WriteLine("$(Get-Date -Format 'yyyy-MM-dd HH:mm:ss') another run is at work; this one ends")
    exit 75
}

$log = Join-Path $logs "$(Get-Date -Format 'yyyyMMdd-HHmmss').log"
$keptLogs = if ($env:LONGHAND_KEPT_LOGS) { [int]$env:LONGHAND_KEPT_LOGS } else { 60 }
Get-ChildItem $logs -Filter "*.log" | Sort-Object Name -Descending | Select-Object -Skip ($keptLogs - 1) | Remove-Item

function Write-Line([string]$Text) {
    $line = "$(Get-Date -Format 'yyyy-MM-dd HH:mm:ss') $Text"
    Write-Host $line
    Add-Content -Path $log -Value $line -Encoding utf8
}

function Get-Limit([string]$Step, [int]$Default) {
    $told = [Environment]::GetEnvironmentVariable("LONGHAND_$($Step.ToUpper())_SECONDS")
    if ($told) { [int]$told } else { $Default }
}

function Stop-Tree([int]$Id) {
    # The processes that a step started end with it.
    if (Get-Command taskkill -ErrorAction SilentlyContinue) { taskkill /T /F /PID $Id | Out-Null }
    else { Stop-Process -Id $Id -Force -ErrorAction SilentlyContinue }
}

function Invoke-Limited([int]$Seconds, [string]$Program, [string[]]$Arguments) {
    # Run a program, its output into the log; its exit code, or 124 when its time was over.
    $start = [Diagnostics.ProcessStartInfo]::new($Program)
    $start.Arguments = $Arguments -join " " # none has a space
    $start.WorkingDirectory = $PSScriptRoot
    $start.UseShellExecute = $false
    $start.RedirectStandardOutput = $start.RedirectStandardError = $true
    $process = [Diagnostics.Process]::Start($start)
    $until = (Get-Date).AddSeconds($Seconds)
    $streams = @($process.StandardOutput, $process.StandardError)
    $pending = @($streams[0].ReadLineAsync(), $streams[1].ReadLineAsync())
    try {
        while ($pending[0] -or $pending[1]) {
            $read = $false
            foreach ($one in 0, 1) {
                if ($pending[$one] -and $pending[$one].IsCompleted) {
                    $line = $pending[$one].Result
                    if ($null -eq $line) { $pending[$one] = $null }
                    else { Write-Line $line; $pending[$one] = $streams[$one].ReadLineAsync() }
                    $read = $true
                }
            }
            if ((Get-Date) -gt $until) { Stop-Tree $process.Id; return 124 }
            if (-not $read) { Start-Sleep -Milliseconds 100 }
        }
        $process.WaitForExit()
        return $process.ExitCode
    }
    finally { if (-not $process.HasExited) { Stop-Tree $process.Id } } # also at Ctrl-C
}

$compose = @(if (Get-Command docker-compose -ErrorAction SilentlyContinue) { "docker-compose" } else { "docker", "compose" })

function Invoke-Compose([int]$Seconds, [string[]]$Arguments) {
    Invoke-Limited $Seconds $compose[0] (@($compose | Select-Object -Skip 1) + $Arguments)
}

function Invoke-Pipeline([int]$Seconds, [string[]]$Arguments) {
    if ($Local) { return Invoke-Limited $Seconds "longhand" (@("pipeline") + $Arguments) }
    $service = if ($Arguments[0] -eq "training") { "training" } else { "ingestion" }
    Invoke-Compose $Seconds (@("run", "--rm", "--no-deps", "-T", $service, "longhand", "pipeline") + $Arguments)
}

function Invoke-Step([string]$Step, [int]$Default) {
    # Whether the step went well.
    $seconds = Get-Limit $Step $Default
    $began = Get-Date
    $code = 0
    Write-Line "=== $Step (at most $seconds s)"
    if (-not $Local -and $Step -eq "training") { $code = Invoke-Compose 300 @("up", "-d", "--wait", "mlflow") }
    if (-not $Local -and $Step -eq "prediction") { $code = Invoke-Compose 300 @("up", "-d", "--wait", "prediction") }
    if ($code -eq 0) { $code = Invoke-Pipeline $seconds @($Step) }
    $took = [int]((Get-Date) - $began).TotalSeconds
    if ($code -eq 0) { Write-Line "=== ${Step}: done in $took s"; return $true }
    if ($code -eq 124) { Write-Line "=== ${Step}: ended after $took s, its time was over" }
    else { Write-Line "=== ${Step}: failed with code $code after $took s" }
    return $false
}

$result = 1
try {
    $failed = $null
    foreach ($step in @(@("ingestion", 7200), @("training", 43200), @("prediction", 600))) {
        if (-not (Invoke-Step $step[0] $step[1])) { $failed = $step[0]; break }
    }
    if ($failed) {
        $code = Invoke-Pipeline (Get-Limit "monitoring" 300) @("monitoring", "--failed", $failed)
        if ($code -ne 0) { Write-Line "the metrics were not written" }
        Write-Line "failed step: $failed"
    }
    elseif (Invoke-Step "monitoring" 300) { Write-Line "all steps done"; $result = 0 }
    else { Write-Line "failed step: monitoring" }
}
finally { $lock.Dispose() }
exit $result

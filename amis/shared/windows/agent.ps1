# Installs the desktop agent as tasks of the system, started with Windows, and the smoke tests.
param([string] $Recipe, [string] $Image)
$ErrorActionPreference = 'Stop'

$here = Split-Path -Parent $MyInvocation.MyCommand.Path
Copy-Item -Force -Path (Join-Path $here 'broch-agent.ps1') -Destination 'C:\broch\broch-agent.ps1'
Copy-Item -Force -Path (Join-Path $here 'smoke.ps1') -Destination 'C:\broch\smoke.ps1'
Copy-Item -Force -Path (Join-Path $Recipe 'downloads.json') -Destination 'C:\broch\downloads.json'
# Only administrators change what runs as the system.
icacls.exe 'C:\broch' /inheritance:r /grant:r 'Administrators:(OI)(CI)F' 'SYSTEM:(OI)(CI)F' 'Users:(OI)(CI)RX' | Out-Null

function New-AgentAction([string] $Command) {
  New-ScheduledTaskAction -Execute 'powershell.exe' -Argument "-NoProfile -ExecutionPolicy Bypass -File C:\broch\broch-agent.ps1 $Command"
}
$trigger = New-ScheduledTaskTrigger -AtStartup
$principal = New-ScheduledTaskPrincipal -UserId 'SYSTEM' -LogonType ServiceAccount -RunLevel Highest
$settings = New-ScheduledTaskSettingsSet -RestartCount 10 -RestartInterval (New-TimeSpan -Minutes 1) -ExecutionTimeLimit ([TimeSpan]::Zero) -StartWhenAvailable
Register-ScheduledTask -TaskName 'Broch agent' -Action (New-AgentAction 'run') -Trigger $trigger -Principal $principal -Settings $settings -Force | Out-Null

# A new token for the mirror of packages well before the last one ends, and a snapshot of CRAN soon after it is approved.
$hourly = New-ScheduledTaskTrigger -Once -At (Get-Date '2020-01-01') -RepetitionInterval (New-TimeSpan -Hours 1)
$limit = New-ScheduledTaskSettingsSet -RestartCount 3 -RestartInterval (New-TimeSpan -Minutes 1) -ExecutionTimeLimit (New-TimeSpan -Hours 4) -StartWhenAvailable
Register-ScheduledTask -TaskName 'Broch packages' -Action (New-AgentAction 'packages') -Trigger $trigger, $hourly -Principal $principal -Settings $limit -Force | Out-Null

# Installs the desktop agent and the mounts as tasks of the system, started with Windows, and the smoke tests.
param([string] $Recipe, [string] $Image)
$ErrorActionPreference = 'Stop'

$here = Split-Path -Parent $MyInvocation.MyCommand.Path
foreach ($file in 'broch-agent.ps1', 'broch-mounts.py', 'broch-datasets.py') { Copy-Item -Force -Path (Join-Path $here $file) -Destination 'C:\broch' }
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

# A new token for the mirror of packages well before the last one ends.
$hourly = New-ScheduledTaskTrigger -Once -At (Get-Date '2020-01-01') -RepetitionInterval (New-TimeSpan -Hours 1)
$limit = New-ScheduledTaskSettingsSet -RestartCount 3 -RestartInterval (New-TimeSpan -Minutes 1) -ExecutionTimeLimit (New-TimeSpan -Hours 4) -StartWhenAvailable
Register-ScheduledTask -TaskName 'Broch packages' -Action (New-AgentAction 'packages') -Trigger $trigger, $hourly -Principal $principal -Settings $limit -Force | Out-Null

# The project's folders and datasets. Only the system changes what /data leads to.
New-Item -ItemType Directory -Force -Path 'C:\data' | Out-Null
icacls.exe 'C:\data' /inheritance:r /grant:r 'Administrators:(OI)(CI)F' 'SYSTEM:(OI)(CI)F' 'Users:(OI)(CI)RX' | Out-Null
foreach ($name in 'project', 'batch') {
  # The places appear with the first mount, so New-Item, which wants them now, makes no such link.
  if (-not (Get-Item -Force -ErrorAction SilentlyContinue -Path "C:\$name")) { cmd.exe /c mklink /D "C:\$name" "C:\broch\$name" | Out-Null }
  icacls.exe "C:\$name" /L /inheritance:r /grant:r 'Administrators:F' 'SYSTEM:F' 'Users:RX' | Out-Null
}
# Whatever files of the home say, Python reads no other code: -I.
$mounts = New-ScheduledTaskAction -Execute 'C:\Program Files\Python313\python.exe' -Argument '-I C:\broch\broch-mounts.py'
Register-ScheduledTask -TaskName 'Broch mounts' -Action $mounts -Trigger $trigger -Principal $principal -Settings $settings -Force | Out-Null

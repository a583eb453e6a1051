# Installs what downloads.json of the image names. A download whose SHA-256 is another is never started.
param([string] $Recipe, [string] $Image)
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$stamps = 'C:\broch\downloads'
New-Item -ItemType Directory -Force -Path $stamps | Out-Null
foreach ($download in Get-Content -Raw (Join-Path $Recipe 'downloads.json') | ConvertFrom-Json) {
  $stamp = Join-Path $stamps $download.name
  if ((Test-Path $stamp) -and ((Get-Content -Raw $stamp).Trim() -eq $download.sha256)) { continue }
  $file = Join-Path 'C:\broch\provision' (Split-Path -Leaf $download.url)
  Invoke-WebRequest -Uri $download.url -OutFile $file -UseBasicParsing
  $hash = (Get-FileHash -Algorithm SHA256 -Path $file).Hash.ToLowerInvariant()
  if ($hash -ne $download.sha256) { throw "$($download.name): the SHA-256 is $hash, not $($download.sha256)" }
  if ($file.EndsWith('.msi')) {
    $process = Start-Process msiexec.exe -ArgumentList (@('/i', $file) + $download.arguments) -Wait -PassThru
  } else {
    $process = Start-Process $file -ArgumentList $download.arguments -Wait -PassThru
  }
  # 3010: installed, and a restart is due, which the image gets anyway.
  if ($process.ExitCode -notin 0, 3010) { throw "$($download.name): the installer ended with $($process.ExitCode)" }
  Remove-Item -Path $file
  Set-Content -Path $stamp -Value $download.sha256
  Write-Output "installed $($download.name) $($download.version)"
}

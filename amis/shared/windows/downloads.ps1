# Installs what downloads.json of the image names. A download whose SHA-256 is another is never started.
param([string] $Recipe, [string] $Image)
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

# 3010: installed, and a restart is due, which the image gets anyway.
function Invoke-Installer([string] $Name, [string] $Installer, [string[]] $Arguments) {
  $process = Start-Process $Installer -ArgumentList $Arguments -Wait -PassThru
  if ($process.ExitCode -notin 0, 3010) { throw "$($Name): the installer ended with $($process.ExitCode)" }
}

# A zip holds a program without an installer: one file.
function Install-Archived([string] $File, [string] $Program) {
  $unpacked = "$File.unpacked"
  Expand-Archive -Force -Path $File -DestinationPath $unpacked
  $found = @(Get-ChildItem -Recurse -File -Path $unpacked -Filter (Split-Path -Leaf $Program))
  if ($found.Count -ne 1) { throw "$File holds $($found.Count) programs of this name" }
  New-Item -ItemType Directory -Force -Path (Split-Path $Program) | Out-Null
  Copy-Item -Force -Path $found[0].FullName -Destination $Program
  Remove-Item -Recurse -Force -Path $unpacked
}

$stamps = 'C:\broch\downloads'
New-Item -ItemType Directory -Force -Path $stamps | Out-Null
foreach ($download in Get-Content -Raw (Join-Path $Recipe 'downloads.json') | ConvertFrom-Json) {
  $stamp = Join-Path $stamps $download.name
  if ((Test-Path $stamp) -and ((Get-Content -Raw $stamp).Trim() -eq $download.sha256)) { continue }
  $file = Join-Path 'C:\broch\provision' (Split-Path -Leaf $download.url)
  Invoke-WebRequest -Uri $download.url -OutFile $file -UseBasicParsing
  $hash = (Get-FileHash -Algorithm SHA256 -Path $file).Hash.ToLowerInvariant()
  if ($hash -ne $download.sha256) { throw "$($download.name): the SHA-256 is $hash, not $($download.sha256)" }
  if ($file.EndsWith('.zip')) {
    Install-Archived $file $download.program
  } elseif ($file.EndsWith('.msi')) {
    Invoke-Installer $download.name 'msiexec.exe' (@('/i', $file) + $download.arguments)
  } else {
    Invoke-Installer $download.name $file $download.arguments
  }
  Remove-Item -Path $file
  Set-Content -Path $stamp -Value $download.sha256
  Write-Output "installed $($download.name) $($download.version)"
}

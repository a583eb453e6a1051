# Points pip, npm and R at the organisation's mirror. The firewall refuses every other source.
param([string] $Recipe, [string] $Image)
$ErrorActionPreference = 'Stop'

$mirror = $env:BROCH_PACKAGE_MIRROR
if (-not $mirror) { throw 'BROCH_PACKAGE_MIRROR holds the address of the package mirror' }
New-Item -ItemType Directory -Force -Path 'C:\ProgramData\pip' | Out-Null
Set-Content -Path 'C:\ProgramData\pip\pip.ini' -Value "[global]`r`nindex-url = $mirror/pypi/simple/`r`ndisable-pip-version-check = true"
[Environment]::SetEnvironmentVariable('NPM_CONFIG_REGISTRY', "$mirror/npm/", 'Machine')
foreach ($folder in Get-ChildItem -Path 'C:\Program Files\R' -Directory) {
  $site = Join-Path $folder.FullName 'etc\Rprofile.site'
  $kept = @(Get-Content -Path $site -ErrorAction SilentlyContinue | Where-Object { $_ -notmatch '# broch$' })
  Set-Content -Path $site -Value ($kept + "local({ options(repos = c(CRAN = `"$mirror/cran`")) }) # broch")
}

# Points pip, npm, Maven and R at the organisation's mirror until the agent has a token for that of the project's tier. The
# firewall refuses every other source. R prefers the snapshot of CRAN, if the project has one: docs/packages.md.
param([string] $Recipe, [string] $Image)
$ErrorActionPreference = 'Stop'

$mirror = $env:BROCH_PACKAGE_MIRROR
if (-not $mirror) { throw 'BROCH_PACKAGE_MIRROR holds the address of the package mirror' }
New-Item -ItemType Directory -Force -Path 'C:\ProgramData\pip' | Out-Null
Set-Content -Path 'C:\ProgramData\pip\pip.ini' -Value "[global]`r`nindex-url = $mirror/pypi/simple/`r`ndisable-pip-version-check = true"
New-Item -ItemType Directory -Force -Path 'C:\broch\packages' | Out-Null
Set-Content -Path 'C:\broch\packages\npmrc' -Value "registry=$mirror/npm/"
[Environment]::SetEnvironmentVariable('NPM_CONFIG_GLOBALCONFIG', 'C:\broch\packages\npmrc', 'Machine')
Set-Content -Path 'C:\broch\packages\settings.xml' -Value "<settings><mirrors><mirror><id>broch</id><mirrorOf>*</mirrorOf><url>$mirror/maven/</url></mirror></mirrors></settings>"
# Maven reads this variable since version 3.9.
[Environment]::SetEnvironmentVariable('MAVEN_ARGS', '--global-settings C:\broch\packages\settings.xml', 'Machine')
foreach ($folder in Get-ChildItem -Path 'C:\Program Files\R' -Directory) {
  $site = Join-Path $folder.FullName 'etc\Rprofile.site'
  $kept = @(Get-Content -Path $site -ErrorAction SilentlyContinue | Where-Object { $_ -notmatch '# broch$' })
  $snapshot = 'found <- Sys.glob("C:/data/cran/*/src"); cran <- if (length(found)) paste0("file:///", dirname(found[[length(found)]]))'
  Set-Content -Path $site -Value ($kept + "local({ $snapshot else `"$mirror/cran`"; options(repos = c(CRAN = cran)) }) # broch")
}

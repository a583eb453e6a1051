# Writes the bill of materials: CycloneDX 1.6, made of what Windows, Python and R say is installed, and of the downloads.
param([string] $Recipe, [string] $Image)
$ErrorActionPreference = 'Stop'

$parts = @{}
function Add-Part([string] $Name, [string] $Version, [string] $Purl) {
  $parts[$Purl] = [ordered]@{ type = 'library'; 'bom-ref' = $Purl; name = $Name; version = $Version; purl = $Purl }
}
function ConvertTo-Part([string] $Text) { [uri]::EscapeDataString($Text) }

$installed = 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\*', 'HKLM:\SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall\*'
foreach ($program in Get-ItemProperty $installed | Where-Object { $_.DisplayName -and $_.DisplayVersion }) {
  Add-Part $program.DisplayName $program.DisplayVersion "pkg:generic/$(ConvertTo-Part $program.DisplayName)@$(ConvertTo-Part $program.DisplayVersion)"
}
foreach ($download in Get-Content -Raw (Join-Path $Recipe 'downloads.json') | ConvertFrom-Json) {
  Add-Part $download.name $download.version "pkg:generic/$(ConvertTo-Part $download.name)@$(ConvertTo-Part $download.version)"
}
foreach ($package in & 'C:\Program Files\Python313\python.exe' -m pip list '--format=json' | ConvertFrom-Json) {
  Add-Part $package.name $package.version "pkg:pypi/$(ConvertTo-Part $package.name.ToLowerInvariant())@$($package.version)"
}
$rscript = Get-ChildItem 'C:\Program Files\R\*\bin\Rscript.exe' | Select-Object -First 1
foreach ($line in & $rscript.FullName --vanilla -e "x <- installed.packages(); cat(paste(x[, 'Package'], x[, 'Version'], sep = '|'), sep = '\n')") {
  $name, $version = $line -split '\|'
  Add-Part $name $version "pkg:cran/$name@$version"
}
foreach ($update in Get-HotFix) { Add-Part $update.HotFixID '' "pkg:generic/microsoft/$($update.HotFixID)" }
$bill = [ordered]@{
  bomFormat   = 'CycloneDX'
  specVersion = '1.6'
  version     = 1
  metadata    = @{ component = [ordered]@{ type = 'operating-system'; name = $Image; version = "$env:BROCH_RECIPE" } }
  components  = @($parts.Keys | Sort-Object | ForEach-Object { $parts[$_] })
}
Set-Content -Path 'C:\broch\bill-of-materials.json' -Value ($bill | ConvertTo-Json -Depth 6) -Encoding utf8

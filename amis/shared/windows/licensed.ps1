# The hook for licensed software: Stata, SPSS, MATLAB. Put a script of your own into amis/<image>/licensed/; it installs
# from your own media and checks their SHA-256. Without such scripts this step does nothing.
param([string] $Recipe, [string] $Image)
$ErrorActionPreference = 'Stop'

$folder = Join-Path $Recipe 'licensed'
if (Test-Path $folder) {
  foreach ($script in Get-ChildItem -Path $folder -Filter '*.ps1' | Sort-Object Name) {
    Write-Output "licensed: $($script.BaseName)"
    & $script.FullName
  }
}
# Tells licensed software where its licence server is, in lines such as MLM_LICENSE_FILE=27000@licences.broch.internal
$settings = Join-Path $Recipe 'licences.conf'
if (Test-Path $settings) {
  foreach ($line in Get-Content $settings) {
    $name, $value = $line -split '=', 2
    if ($name -in 'MLM_LICENSE_FILE', 'LM_LICENSE_FILE', 'STATA_LICENSE_FILE', 'SPSS_LICENSE_FILE') {
      [Environment]::SetEnvironmentVariable($name, $value, 'Machine')
    }
  }
}

# Provisions the Windows image. Every step may run again without harm.
param([Parameter(Mandatory)][string] $Image)
$ErrorActionPreference = 'Stop'

$here = Split-Path -Parent $MyInvocation.MyCommand.Path
$recipe = Join-Path (Split-Path -Parent $here) $Image
foreach ($step in 'downloads', 'licensed', 'mirror', 'researcher', 'hardening', 'agent', 'bill') {
  Write-Output "== $step"
  & (Join-Path $here "$step.ps1") -Recipe $recipe -Image $Image
}

# Runs the smoke tests of the Windows image, one line each. The exit status is the number of failed tests.
$ErrorActionPreference = 'Stop'

$tests = [ordered]@{
  'programs'   = {
    foreach ($download in Get-Content -Raw 'C:\broch\downloads.json' | ConvertFrom-Json) {
      if (-not (Test-Path $download.program)) { throw "$($download.name) is missing" }
    }
  }
  'tools'      = {
    $rscript = Get-ChildItem 'C:\Program Files\R\*\bin\Rscript.exe' | Select-Object -First 1
    & $rscript.FullName -e 'stopifnot(abs(coef(lm(dist ~ speed, cars))[2] - 3.932409) < 1e-6)'
    if ($LASTEXITCODE) { throw 'R does not calculate' }
    & 'C:\Program Files\Python313\python.exe' -c 'assert 6 * 7 == 42'
    if ($LASTEXITCODE) { throw 'Python does not calculate' }
  }
  'researcher' = {
    $administrators = Get-LocalGroupMember -Group Administrators | Where-Object Name -like '*\researcher'
    if ($administrators) { throw 'the researcher is an administrator' }
    if (-not (Get-LocalGroupMember -Group 'Remote Desktop Users' | Where-Object Name -like '*\researcher')) { throw 'the researcher cannot sign in' }
  }
  'hardening'  = {
    $services = Get-ItemProperty 'HKLM:\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services'
    foreach ($channel in 'fDisableClip', 'fDisableCdm', 'fDisableCpm') { if ($services.$channel -ne 1) { throw "the channel of $channel is open" } }
    if (Get-NetFirewallProfile | Where-Object { -not $_.Enabled }) { throw 'the firewall is off' }
    if (-not (Get-NetFirewallRule -Group 'Broch' -ErrorAction SilentlyContinue)) { throw 'the researcher reaches the internet' }
  }
  'agent'      = { Get-ScheduledTask -TaskName 'Broch agent' | Out-Null }
  'mounts'     = {
    Get-ScheduledTask -TaskName 'Broch mounts' | Out-Null
    & 'C:\Program Files\Python313\python.exe' -I -c 'import runpy; runpy.run_path(r"C:\broch\broch-mounts.py")'
    if ($LASTEXITCODE) { throw 'the program of the mounts does not load' }
    if ((Get-Acl 'C:\data').Access | Where-Object { $_.IdentityReference -like '*\Users' -and ($_.FileSystemRights -band [Security.AccessControl.FileSystemRights]::Write) }) { throw 'the researcher can change C:\data' }
    # A folder of this machine in place of S3, with the options of a dataset.
    $place = 'C:\broch\smoke-mount'
    $words = 'mount', 'C:\broch\smoke', $place, '--config', '""', '--read-only', '-o', 'FileSecurity=D:P(A;;FRFX;;;WD)'
    Set-Content -Path 'C:\broch\smoke\probe.txt' -Value 'shown'
    $mount = Start-Process 'C:\Program Files\rclone\rclone.exe' -ArgumentList $words -WindowStyle Hidden -PassThru
    try {
      for ($try = 0; $try -lt 30 -and -not (Test-Path "$place\probe.txt"); $try++) { Start-Sleep -Seconds 1 }
      if ((Get-Content -Path "$place\probe.txt") -ne 'shown') { throw 'rclone and WinFsp show nothing' }
      $isWritten = $true
      try { Set-Content -Path "$place\probe.txt" -Value 'changed' } catch { $isWritten = $false }
      if ($isWritten) { throw 'a mount can be changed' }
    } finally {
      Stop-Process -Force -Id $mount.Id -ErrorAction SilentlyContinue
      Remove-Item -Force -Path 'C:\broch\smoke\probe.txt'
    }
  }
  'mirror'     = {
    if ((Get-Content -Raw 'C:\ProgramData\pip\pip.ini') -match 'pypi\.org') { throw 'pip asks pypi.org' }
    if ((Get-Content -Raw 'C:\broch\packages\npmrc') -notmatch '^registry=https?://') { throw 'npm knows no mirror' }
    if ((Get-Content -Raw 'C:\broch\packages\settings.xml') -notmatch '<mirrorOf>\*</mirrorOf>') { throw 'Maven knows no mirror' }
  }
  'bill'       = { if (-not (Get-Content -Raw 'C:\broch\bill-of-materials.json' | ConvertFrom-Json).components.Count) { throw 'the bill of materials is empty' } }
}
$failed = 0
foreach ($name in $tests.Keys) {
  try { & $tests[$name] | Out-Null; Write-Output "ok      $name" } catch { Write-Output "FAILED  $($name): $($_.Exception.Message)"; $failed++ }
}
exit $failed

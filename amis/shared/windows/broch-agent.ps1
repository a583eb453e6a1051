# The desktop agent of Broch's Windows image. It runs as SYSTEM and keeps the contract in amis/README.md: it gives the
# researcher a password, reports readiness, then activity every few minutes. AWS Tools for PowerShell are in Amazon's images.
$ErrorActionPreference = 'Stop'

$metadata = 'http://169.254.169.254/latest'
$reportSeconds = 300

function Read-Metadata([string] $Path) {
  $token = Invoke-RestMethod -Method Put -Uri "$metadata/api/token" -TimeoutSec 5 -Headers @{ 'X-aws-ec2-metadata-token-ttl-seconds' = '60' }
  Invoke-RestMethod -Uri "$metadata/meta-data/$Path" -TimeoutSec 5 -Headers @{ 'X-aws-ec2-metadata-token' = $token }
}

# Waits until the network and services are up. After five minutes it fails, and the task starts the agent again.
function Invoke-Patiently([string] $Subject, [scriptblock] $Attempt) {
  for ($try = 1; $try -le 60; $try++) {
    try { return & $Attempt } catch {
      if ($try -eq 60) { throw }
      Write-Output "$($Subject): $($_.Exception.GetType().Name), trying again" | Out-Host
      Start-Sleep -Seconds 5
    }
  }
}

function Read-Place {
  @{
    Instance = Read-Metadata 'instance-id'
    Region   = Read-Metadata 'placement/region'
    Bucket   = Read-Metadata 'tags/instance/broch:bucket'
    Role     = Read-Metadata 'tags/instance/broch:role'
  }
}

# Writes one report where the instance's role may, and nowhere else.
function Write-Report([hashtable] $Place, [string] $Name, [hashtable] $Report) {
  Write-S3Object -BucketName $Place.Bucket -Key "agents/$($Place.Role):$($Place.Instance)/$Name.json" -Region $Place.Region -Content ($Report | ConvertTo-Json -Compress) -ContentType 'application/json'
}

# 24 characters from a cryptographic source, which RDP and JSON carry unchanged. The last four satisfy Windows' policy.
function New-Password {
  $bytes = New-Object byte[] 15
  $random = [Security.Cryptography.RandomNumberGenerator]::Create()
  $random.GetBytes($bytes)
  $random.Dispose()
  [Convert]::ToBase64String($bytes).Replace('+', '-').Replace('/', '_') + 'aA1-'
}

function Set-ResearcherPassword {
  $password = New-Password
  Set-LocalUser -Name researcher -Password (ConvertTo-SecureString $password -AsPlainText -Force) -PasswordNeverExpires $true
  Enable-LocalUser -Name researcher
  $password
}

# Minutes without a key or a move of the mouse, as quser says it: '.', 'none', '5', '1:05' or '2+03:04'.
function ConvertTo-Minutes([string] $Idle) {
  if ($Idle -match '^(?:(\d+)\+)?(?:(\d+):)?(\d+)$') { return [int]$Matches[1] * 1440 + [int]$Matches[2] * 60 + [int]$Matches[3] }
  0
}

function Measure-Activity {
  $sessions = @(quser.exe researcher 2>$null | Select-Object -Skip 1)
  $idle = $sessions | ForEach-Object {
    $words = $_.Trim() -split '\s+'
    # A disconnected session has no name of a session, so its state stands one word earlier.
    ConvertTo-Minutes $(if ($words[2] -match '^\D') { $words[3] } else { $words[4] })
  }
  @{
    at          = (Get-Date).ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ss+00:00')
    sessions    = $sessions.Count
    idleMinutes = if ($sessions.Count) { ($idle | Measure-Object -Minimum).Minimum } else { $null }
    load        = [math]::Round((Get-CimInstance Win32_Processor | Measure-Object -Property LoadPercentage -Average).Average / 100, 2)
  }
}

$place = Invoke-Patiently 'metadata' { Read-Place }
Invoke-Patiently 'desktop' { (New-Object Net.Sockets.TcpClient '127.0.0.1', 3389).Dispose() }
$report = @{ password = Set-ResearcherPassword; protocol = 'rdp' }
Invoke-Patiently 'readiness' { Write-Report $place 'ready' $report }
while ($true) {
  # The next report repeats the activity.
  try { Write-Report $place 'activity' (Measure-Activity) } catch { Write-Output "activity: $($_.Exception.GetType().Name)" | Out-Host }
  Start-Sleep -Seconds $reportSeconds
}

# The desktop agent of Broch's Windows image. It runs as SYSTEM and keeps the contract in amis/README.md.
#
#   broch-agent.ps1 run       mounts the home, gives the researcher a password for each session, reports readiness, then activity
#   broch-agent.ps1 packages  points pip, npm and Maven at the list of the project's tier
#
# AWS Tools for PowerShell are in Amazon's images.
param([ValidateSet('run', 'packages')] [string] $Command = 'run')
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

# Whether nothing was ever written at the beginning of a disk. New disks of EC2 are like that.
function Test-Blank($Disk) {
  $file = [IO.File]::Open("\\.\PhysicalDrive$($Disk.Number)", 'Open', 'Read', 'ReadWrite')
  try {
    $bytes = New-Object byte[] 16777216
    $count = $file.Read($bytes, 0, $bytes.Length)
    $count -eq $bytes.Length -and -not [Text.Encoding]::GetEncoding(28591).GetString($bytes).Trim([char]0)
  } finally { $file.Dispose() }
}

# The disk of the home as drive H. On Nitro machines the serial number of an EBS disk is the id of its volume. The disk
# outlives the machine, so it is formatted only if it has no partitions and nothing but zeros where they would be.
function Mount-Home {
  $disks = @(Get-Disk | Where-Object { $_.SerialNumber -like 'vol*' -and -not $_.IsBoot -and -not $_.IsSystem })
  if ($disks.Count -ne 1) { throw "$($disks.Count) disks could be that of the home" }
  $disk = $disks[0]
  if ($disk.IsOffline) { Set-Disk -Number $disk.Number -IsOffline $false }
  if ($disk.IsReadOnly) { Set-Disk -Number $disk.Number -IsReadOnly $false }
  if ($disk.PartitionStyle -eq 'RAW') {
    if (-not (Test-Blank $disk)) { throw 'the disk of the home has no partitions, but it has data: it is left as it is' }
    Initialize-Disk -Number $disk.Number -PartitionStyle GPT
    New-Partition -DiskNumber $disk.Number -UseMaximumSize | Format-Volume -FileSystem NTFS -NewFileSystemLabel 'Home' | Out-Null
  }
  $partition = @(Get-Partition -DiskNumber $disk.Number | Where-Object Type -eq 'Basic')
  if ($partition.Count -ne 1 -or ($partition[0] | Get-Volume).FileSystemLabel -ne 'Home') { throw 'the second disk is not a home: it is left as it is' }
  if ($partition[0].DriveLetter -ne 'H') { $partition[0] | Set-Partition -NewDriveLetter H }
  # The disk may be larger than the one that the snapshot was of.
  $most = ($partition[0] | Get-PartitionSupportedSize).SizeMax
  if ($most -gt $partition[0].Size) { $partition[0] | Resize-Partition -Size $most }
  foreach ($folder in 'Documents', 'Desktop', 'Downloads') { New-Item -ItemType Directory -Force -Path "H:\$folder" | Out-Null }
  # The account has another identity on each machine, so a disk that comes back is given to it again.
  icacls.exe 'H:\' /inheritance:r /grant:r 'SYSTEM:(OI)(CI)F' 'Administrators:(OI)(CI)F' 'researcher:(OI)(CI)F' | Out-Null
  icacls.exe 'H:\*' /reset /T /C /Q | Out-Null
}

# What AWS refuses. Its tools put the service's error inside one of their own.
function Test-Refusal($Failure, [string[]] $Codes) {
  [bool](@($Failure.Exception, $Failure.Exception.InnerException).ErrorCode | Where-Object { $_ -in $Codes })
}

# The mirror of the project's tier: the one repository whose address the role of the instance may ask for.
function Find-Repository([string] $Domain, [string] $Region) {
  foreach ($tier in 3, 2, 1) {
    try {
      $urls = @{}
      foreach ($format in 'pypi', 'npm', 'maven') {
        $urls[$format] = Get-CARepositoryEndpoint -Domain $Domain -Repository "tier-$tier" -Format $format -Region $Region
      }
      return $urls
    } catch {
      if (-not (Test-Refusal $_ 'AccessDeniedException')) { throw }
    }
  }
}

# Everybody on the desktop may read the token: it reads packages that the whole project may install.
function Write-PackageSettings([hashtable] $Urls, [string] $Token) {
  $pip = 'C:\ProgramData\pip\pip.ini'
  $index = "index-url = $($Urls.pypi.Replace('https://', "https://aws:$Token@").TrimEnd('/'))/simple/"
  $lines = Get-Content -Path $pip | ForEach-Object { if ($_ -match '^index-url = ') { $index } else { $_ } }
  Set-Content -Path $pip -Value $lines
  $npm = $Urls.npm.Replace('https:', '').TrimEnd('/')
  Set-Content -Path 'C:\broch\packages\npmrc' -Value "registry=$($Urls.npm)", "$npm/:_authToken=$Token"
  $server = "<server><id>broch</id><username>aws</username><password>$([Security.SecurityElement]::Escape($Token))</password></server>"
  $mirror = "<mirror><id>broch</id><mirrorOf>*</mirrorOf><url>$([Security.SecurityElement]::Escape($Urls.maven))</url></mirror>"
  Set-Content -Path 'C:\broch\packages\settings.xml' -Value '<settings>', "  <servers>$server</servers>", "  <mirrors>$mirror</mirrors>", '</settings>'
}

function Update-Token([hashtable] $Place) {
  $domain = "broch-$(Read-Metadata 'tags/instance/broch:environment')-packages"
  $urls = Find-Repository $domain $Place.Region
  if (-not $urls) { return 'no tier is set for this project' }
  $token = (Get-CAAuthorizationToken -Domain $domain -DurationSecond 43200 -Region $Place.Region).AuthorizationToken
  Write-PackageSettings $urls $token
  'pip, npm and Maven can install'
}

if ($Command -eq 'packages') {
  $place = Invoke-Patiently 'metadata' { Read-Place }
  try { Write-Output "packages: $(Update-Token $place)" } catch {
    Write-Output "packages: $($_.Exception.GetType().Name)"
    exit 1
  }
  exit 0
}

Invoke-Patiently 'home' { Mount-Home }
$place = Invoke-Patiently 'metadata' { Read-Place }
Invoke-Patiently 'desktop' { (New-Object Net.Sockets.TcpClient '127.0.0.1', 3389).Dispose() }
function Write-Ready { Write-Report $place 'ready' @{ password = Set-ResearcherPassword; protocol = 'rdp' } }
Invoke-Patiently 'readiness' { Write-Ready }
$known = @()
$due = $null
$nextReport = Get-Date
$round = Get-Date
while ($true) {
  # A round takes seconds. After a hibernation much more time has passed: Broch waits for a report, as after a start.
  if ((Get-Date) - $round -gt [TimeSpan]::FromMinutes(1)) { $due = Get-Date }
  $round = Get-Date
  # The next round repeats what failed.
  try {
    # Some seconds after each new connection the password changes, so that no password opens two sessions.
    $ends = @(Get-NetTCPConnection -LocalPort 3389 -State Established -ErrorAction SilentlyContinue | ForEach-Object { "$($_.RemoteAddress) $($_.RemotePort)" })
    if ($ends | Where-Object { $_ -notin $known }) { $due = (Get-Date).AddSeconds(10) }
    $known = $ends
    if ($due -and (Get-Date) -ge $due) {
      Write-Ready
      $due = $null
    }
    if ((Get-Date) -ge $nextReport) {
      $nextReport = (Get-Date).AddSeconds($reportSeconds)
      Write-Report $place 'activity' (Measure-Activity)
    }
  } catch { Write-Output "report: $($_.Exception.GetType().Name)" | Out-Host }
  Start-Sleep -Seconds 2
}

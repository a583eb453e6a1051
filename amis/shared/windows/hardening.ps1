# Hardens Windows along the CIS benchmark: only the picture leaves it; a firewall, an audit trail and a screen lock.
param([string] $Recipe, [string] $Image)
$ErrorActionPreference = 'Stop'

function Set-Policy([string] $Path, [string] $Name, $Value, [string] $Type = 'DWord') {
  if (-not (Test-Path $Path)) { New-Item -Path $Path -Force | Out-Null }
  New-ItemProperty -Path $Path -Name $Name -Value $Value -PropertyType $Type -Force | Out-Null
}

# Remote desktop: on, with network level authentication, and without any channel that carries data.
$services = 'HKLM:\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services'
Set-Policy 'HKLM:\SYSTEM\CurrentControlSet\Control\Terminal Server' 'fDenyTSConnections' 0
Set-Policy $services 'UserAuthentication' 1
Set-Policy $services 'MinEncryptionLevel' 3
Set-Policy $services 'SecurityLayer' 2
foreach ($channel in 'fDisableClip', 'fDisableCdm', 'fDisableCcm', 'fDisableLPT', 'fDisableCpm', 'fDisablePNPRedir', 'fDisableCam', 'fDisableAudioCapture') {
  Set-Policy $services $channel 1
}

# The screen locks after 15 minutes, nothing plays by itself, and nobody sees who signed in last.
$system = 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System'
Set-Policy $system 'InactivityTimeoutSecs' 900
Set-Policy $system 'DontDisplayLastUserName' 1
Set-Policy $system 'EnableLUA' 1
Set-Policy $system 'ConsentPromptBehaviorUser' 0
Set-Policy 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\Explorer' 'NoDriveTypeAutoRun' 255
Set-Policy 'HKLM:\SYSTEM\CurrentControlSet\Services\USBSTOR' 'Start' 4
Set-Policy 'HKLM:\SYSTEM\CurrentControlSet\Control\Lsa' 'LimitBlankPasswordUse' 1
Set-Policy 'HKLM:\SYSTEM\CurrentControlSet\Control\Lsa' 'RestrictAnonymous' 1
Set-Policy 'HKLM:\SOFTWARE\Policies\Microsoft\Windows\Installer' 'DisableMSI' 1
Disable-WindowsOptionalFeature -Online -FeatureName SMB1Protocol -NoRestart -ErrorAction SilentlyContinue | Out-Null

# The firewall: only remote desktop comes in; the researcher's programs reach private addresses only.
Set-NetFirewallProfile -All -Enabled True -DefaultInboundAction Block -DefaultOutboundAction Allow -LogBlocked True
Get-NetFirewallRule -Direction Inbound -Enabled True | Where-Object DisplayGroup -ne 'Remote Desktop' | Disable-NetFirewallRule
Enable-NetFirewallRule -DisplayGroup 'Remote Desktop'
Get-NetFirewallRule -Group 'Broch' -ErrorAction SilentlyContinue | Remove-NetFirewallRule
$sid = (Get-LocalUser -Name researcher).SID.Value
$outside = '0.0.0.0-9.255.255.255', '11.0.0.0-126.255.255.255', '128.0.0.0-169.254.169.122', '169.254.169.124-169.254.169.252', '169.254.169.254-172.15.255.255', '172.32.0.0-192.167.255.255', '192.169.0.0-255.255.255.255'
New-NetFirewallRule -Group 'Broch' -DisplayName 'Broch: the researcher stays inside' -Direction Outbound -Action Block -LocalUser "D:(A;;CC;;;$sid)" -RemoteAddress $outside | Out-Null

# Who signed in, what changed accounts and policies, which programs ran.
foreach ($category in 'Logon', 'User Account Management', 'Security Group Management', 'Audit Policy Change', 'Process Creation') {
  auditpol.exe /set /subcategory:"$category" /success:enable /failure:enable | Out-Null
}
net.exe accounts /minpwlen:14 /lockoutthreshold:5 /lockoutduration:15 /lockoutwindow:15 | Out-Null
# The agent sets passwords and replaces those that Amazon's agent would set. Updates come with the next image.
Set-Service -Name wuauserv -StartupType Disabled

<powershell>
# User data of the build machine: SSH for Packer, which reaches it inside a Session Manager session. No port is opened.
$ErrorActionPreference = 'Stop'

$capability = Get-WindowsCapability -Online -Name 'OpenSSH.Server*'
if ($capability.State -ne 'Installed') { $capability | Add-WindowsCapability -Online }

# Packer's key of this build, which the metadata service holds.
$metadata = 'http://169.254.169.254/latest'
$token = Invoke-RestMethod -Method Put -Uri "$metadata/api/token" -Headers @{ 'X-aws-ec2-metadata-token-ttl-seconds' = '60' }
$key = Invoke-RestMethod -Uri "$metadata/meta-data/public-keys/0/openssh-key" -Headers @{ 'X-aws-ec2-metadata-token' = $token }
$file = Join-Path $env:ProgramData 'ssh\administrators_authorized_keys'
New-Item -ItemType Directory -Force -Path (Split-Path $file) | Out-Null
Set-Content -Path $file -Value $key -Encoding ascii
icacls.exe $file /inheritance:r /grant 'Administrators:F' 'SYSTEM:F'

# The shell of OpenSSH stays cmd.exe: in PowerShell, Packer's own command would lose the exit status of a script.
# https://github.com/hashicorp/packer/issues/6664
Get-NetFirewallRule -Name 'OpenSSH-Server-In-TCP' -ErrorAction SilentlyContinue | Disable-NetFirewallRule
Set-Service -Name sshd -StartupType Manual
Start-Service -Name sshd
</powershell>

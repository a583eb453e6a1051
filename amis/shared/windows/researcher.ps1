# Makes the desktop's user. The account stays disabled until the agent gives it a password at the first start.
param([string] $Recipe, [string] $Image)
$ErrorActionPreference = 'Stop'

if (-not (Get-LocalUser -Name researcher -ErrorAction SilentlyContinue)) {
  New-LocalUser -Name researcher -NoPassword -AccountNeverExpires -UserMayNotChangePassword | Out-Null
  Disable-LocalUser -Name researcher
}
$groups = 'Users', 'Remote Desktop Users'
foreach ($group in Get-LocalGroup) {
  $member = Get-LocalGroupMember -Group $group -ErrorAction SilentlyContinue | Where-Object Name -like '*\researcher'
  if ($group.Name -in $groups) {
    if (-not $member) { Add-LocalGroupMember -Group $group -Member researcher }
  } elseif ($member) {
    Remove-LocalGroupMember -Group $group -Member researcher
  }
}

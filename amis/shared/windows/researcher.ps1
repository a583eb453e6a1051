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

# Documents, desktop and downloads of everybody who signs in are on the disk of the home, which the agent mounts as drive H.
reg.exe load 'HKU\BrochDefault' 'C:\Users\Default\NTUSER.DAT' | Out-Null
try {
  $folders = 'Registry::HKEY_USERS\BrochDefault\SOFTWARE\Microsoft\Windows\CurrentVersion\Explorer\User Shell Folders'
  $places = @{ Personal = 'Documents'; Desktop = 'Desktop'; '{374DE290-123F-4565-9164-39C4925E467B}' = 'Downloads' }
  foreach ($name in $places.Keys) { New-ItemProperty -Path $folders -Name $name -Value "H:\$($places[$name])" -PropertyType ExpandString -Force | Out-Null }
} finally {
  # The registry keeps the file open until its handles are collected.
  [GC]::Collect()
  reg.exe unload 'HKU\BrochDefault' | Out-Null
}

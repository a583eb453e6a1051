# The last step of a build: removes what belongs to this one machine, and shuts it down as a template.
$ErrorActionPreference = 'Stop'

Set-Service -Name sshd -StartupType Disabled
Remove-Item -Force -ErrorAction SilentlyContinue -Path 'C:\ProgramData\ssh\administrators_authorized_keys', 'C:\ProgramData\ssh\ssh_host_*'
Remove-Item -Recurse -Force -ErrorAction SilentlyContinue -Path 'C:\broch\provision'
Get-EventLog -LogName * | ForEach-Object { Clear-EventLog -LogName $_.Log }
# Windows gets a name, a key and an administrator's password of its own at the next start.
& 'C:/Program Files/Amazon/EC2Launch/ec2launch' reset --block
& 'C:/Program Files/Amazon/EC2Launch/ec2launch' sysprep --shutdown --block

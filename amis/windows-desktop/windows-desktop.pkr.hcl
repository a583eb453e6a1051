variable "windows_version" {
  type        = string
  default     = "2025"
  description = "The version of Windows Server that the image is built on: 2025, or 2022, which AWS can hibernate."
  validation {
    condition     = contains(["2022", "2025"], var.windows_version)
    error_message = "The version of Windows Server is 2022 or 2025."
  }
}

locals {
  image         = "windows-desktop"
  instance_type = "m7i.xlarge"
  disk          = 80
}

source "amazon-ebs" "machine" {
  region        = var.region
  instance_type = local.instance_type
  ami_name      = "broch-${local.image}-${local.built}"

  source_ami_filter {
    owners      = ["amazon"]
    most_recent = true
    filters = {
      name                = "Windows_Server-${var.windows_version}-English-Full-Base-*"
      architecture        = "x86_64"
      root-device-type    = "ebs"
      virtualization-type = "hvm"
    }
  }

  # No inbound port: SSH runs inside a Session Manager session, which Packer supports for SSH and not for WinRM.
  communicator      = "ssh"
  ssh_interface     = "session_manager"
  ssh_username      = "Administrator"
  ssh_timeout       = "30m"
  subnet_id         = var.subnet_id
  security_group_id = var.security_group_id
  iam_instance_profile = var.instance_profile
  # Without this setting Packer reads the profile from IAM, where the role of builds may read nothing.
  skip_profile_validation = true
  user_data_file = "${path.root}/../shared/windows/openssh.ps1"

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
  imds_support = "v2.0"

  encrypt_boot = true
  kms_key_id   = var.kms_key_id
  launch_block_device_mappings {
    device_name           = "/dev/sda1"
    volume_type           = "gp3"
    volume_size           = local.disk
    iops                  = 3000
    throughput            = 125
    encrypted             = true
    kms_key_id            = var.kms_key_id
    delete_on_termination = true
  }
  # The last step shuts the machine down.
  disable_stop_instance = true

  ami_org_arns    = var.ami_org_arns
  ami_users       = var.ami_users
  tags            = local.tags
  snapshot_tags   = local.tags
  run_tags        = local.run_tags
  run_volume_tags = local.run_tags
}

build {
  sources = ["source.amazon-ebs.machine"]

  provisioner "powershell" {
    inline = ["New-Item -ItemType Directory -Force -Path C:/broch/provision, C:/broch/smoke | Out-Null"]
  }
  provisioner "file" {
    sources     = ["${path.root}/../shared/windows", "${path.root}/../${local.image}"]
    destination = "C:/broch/provision"
  }
  provisioner "powershell" {
    environment_vars = ["BROCH_PACKAGE_MIRROR=${var.package_mirror}", "BROCH_RECIPE=${var.recipe}"]
    inline           = ["C:/broch/provision/windows/provision.ps1 -Image ${local.image}"]
  }
  # An image that fails its own smoke tests is never made.
  provisioner "powershell" {
    inline = ["C:/broch/smoke.ps1"]
  }
  provisioner "file" {
    direction   = "download"
    source      = "C:/broch/bill-of-materials.json"
    destination = "bill-of-materials-${local.image}.json"
  }
  # It shuts the machine down, which may end the connection first: Packer's own status for that is 2300218.
  provisioner "powershell" {
    valid_exit_codes = [0, 2300218]
    inline           = ["C:/broch/provision/windows/seal.ps1"]
  }
  post-processor "manifest" {
    output      = "manifest-${local.image}.json"
    strip_path  = true
    custom_data = { recipe = var.recipe }
  }
}

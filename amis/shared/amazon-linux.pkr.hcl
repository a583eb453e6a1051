# The source of every image that is built on Amazon Linux 2023.

locals {
  builder   = "ec2-user"
  downloads = []
}

source "amazon-ebs" "machine" {
  region        = var.region
  instance_type = local.instance_type
  ami_name      = "broch-${local.image}-${local.built}"

  source_ami_filter {
    owners      = ["amazon"]
    most_recent = true
    filters = {
      name                = local.base
      architecture        = "x86_64"
      root-device-type    = "ebs"
      virtualization-type = "hvm"
    }
  }

  # No inbound port: SSH runs inside a Session Manager session.
  communicator      = "ssh"
  ssh_interface     = "session_manager"
  ssh_username      = local.builder
  ssh_timeout       = "15m"
  subnet_id         = var.subnet_id
  security_group_id = var.security_group_id
  iam_instance_profile = var.instance_profile
  # Without this setting Packer reads the profile from IAM, where the role of builds may read nothing.
  skip_profile_validation = true
  user_data = <<-SCRIPT
    #!/bin/sh
    set -eu
    dnf install --assumeyes amazon-ssm-agent
    systemctl enable --now amazon-ssm-agent
  SCRIPT

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
  imds_support = "v2.0"

  encrypt_boot = true
  kms_key_id   = var.kms_key_id
  launch_block_device_mappings {
    device_name           = "/dev/xvda"
    volume_type           = "gp3"
    volume_size           = local.disk
    iops                  = 3000
    throughput            = 125
    encrypted             = true
    kms_key_id            = var.kms_key_id
    delete_on_termination = true
  }

  ami_org_arns    = var.ami_org_arns
  ami_users       = var.ami_users
  tags            = local.tags
  snapshot_tags   = local.tags
  run_tags        = local.run_tags
  run_volume_tags = local.run_tags
}

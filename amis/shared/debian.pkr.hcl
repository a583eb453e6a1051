# The source of every image that is built on Debian 13.

locals {
  # The account of Debian's images. The last step of a build takes everything away from it.
  builder = "admin"
}

variable "ssm_agent_version" {
  type        = string
  description = "The release of Amazon's Systems Manager agent, such as 3.3.2746.0."
}

variable "ssm_agent_sha256" {
  type        = string
  description = "The SHA-256 of its amazon-ssm-agent.deb. Download the file, check its signature, and compute it: there is no default."
  validation {
    condition     = length(var.ssm_agent_sha256) == 64
    error_message = "The SHA-256 of amazon-ssm-agent.deb has 64 hexadecimal digits. Compute it with sha256sum."
  }
}

source "amazon-ebs" "machine" {
  region        = var.region
  instance_type = local.instance_type
  ami_name      = "broch-${local.image}-${local.built}"

  # Debian's own account: https://wiki.debian.org/Cloud/AmazonEC2Image
  source_ami_filter {
    owners      = ["136693071363"]
    most_recent = true
    filters = {
      name                = "debian-13-amd64-*"
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

  # Debian's images come without the agent that Session Manager needs.
  user_data = <<-SCRIPT
    #!/bin/sh
    set -eu
    cd /opt
    apt-get update
    apt-get install --yes --no-install-recommends curl ca-certificates
    curl --fail --silent --show-error --location --remote-name https://s3.${var.region}.amazonaws.com/amazon-ssm-${var.region}/${var.ssm_agent_version}/debian_amd64/amazon-ssm-agent.deb
    echo '${var.ssm_agent_sha256}  amazon-ssm-agent.deb' | sha256sum --check --strict
    dpkg --install amazon-ssm-agent.deb
    rm amazon-ssm-agent.deb
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

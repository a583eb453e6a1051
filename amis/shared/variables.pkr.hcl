variable "region" {
  type        = string
  description = "The region to build in, such as eu-west-2."
}

variable "subnet_id" {
  type        = string
  description = "The subnet of the build network (amis/shared/build-network.json)."
}

variable "security_group_id" {
  type        = string
  description = "The security group of the build network. It has no inbound rule, and Packer must not make one of its own."
}

variable "instance_profile" {
  type        = string
  description = "The instance profile of the build machine. Its role may use Session Manager and nothing else."
}

variable "kms_key_id" {
  type        = string
  description = "The key that encrypts the image: a customer-managed one, because an image under aws/ebs cannot be shared."
}

variable "recipe" {
  type        = string
  description = "The commit that this recipe comes from."
}

variable "package_mirror" {
  type        = string
  default     = "https://packages.broch.internal"
  description = "The address of the mirror that pip, npm and R install from."
}

variable "ami_org_arns" {
  type        = list(string)
  default     = []
  description = "Organisations whose accounts may start the image."
}

variable "ami_users" {
  type        = list(string)
  default     = []
  description = "Accounts that may start the image."
}

locals {
  built = formatdate("YYYYMMDD-hhmmss", timestamp())
  tags = {
    "broch:image"  = local.image
    "broch:recipe" = var.recipe
    "broch:base"   = "{{ .SourceAMI }}"
    "broch:status" = "candidate"
  }
  run_tags = {
    Name           = "broch image build ${local.image}"
    "broch:image"  = local.image
    "broch:recipe" = var.recipe
  }
}

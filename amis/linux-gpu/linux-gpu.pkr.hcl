variable "container_toolkit_version" {
  type        = string
  default     = "1.17.8-1"
  description = "The release of NVIDIA's container toolkit."
}

variable "container_toolkit_sha256" {
  type        = string
  description = "The SHA-256 of nvidia-container-toolkit-base_<version>_amd64.deb."
  validation {
    condition     = length(var.container_toolkit_sha256) == 64
    error_message = "The SHA-256 of NVIDIA's container toolkit has 64 hexadecimal digits. Compute it with sha256sum."
  }
}

variable "dcv_version" {
  type        = string
  default     = "2024.0-19030"
  description = "The release of Amazon DCV, if the image gets it."
}

variable "dcv_sha256" {
  type        = string
  description = "The SHA-256 of nice-dcv-<version>-ubuntu2404-x86_64.tgz, or none for an image without Amazon DCV."
  validation {
    condition     = length(var.dcv_sha256) == 64 || var.dcv_sha256 == "none"
    error_message = "The SHA-256 of Amazon DCV's archive has 64 hexadecimal digits. Compute it with sha256sum, or write none."
  }
}

locals {
  image         = "linux-gpu"
  instance_type = "g6.xlarge"
  disk          = 100
  downloads = concat(local.desktop_downloads, [
    "BROCH_CONTAINER_TOOLKIT_VERSION=${var.container_toolkit_version}",
    "BROCH_CONTAINER_TOOLKIT_SHA256=${var.container_toolkit_sha256}",
    "BROCH_DCV_VERSION=${var.dcv_version}",
    "BROCH_DCV_SHA256=${var.dcv_sha256}",
  ])
}

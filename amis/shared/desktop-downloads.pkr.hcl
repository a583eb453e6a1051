# What Debian does not package. Each version is pinned by its SHA-256, which has no default: whoever builds the image
# downloads the file once, checks it, and puts its hash into the variables of the build.

variable "rstudio_version" {
  type        = string
  default     = "2026.01.1-403"
  description = "The release of RStudio Desktop, as in the name of its .deb for Ubuntu 22 and Debian 12."
}

variable "rstudio_sha256" {
  type        = string
  description = "The SHA-256 of rstudio-<version>-amd64.deb."
  validation {
    condition     = length(var.rstudio_sha256) == 64
    error_message = "The SHA-256 of RStudio's .deb has 64 hexadecimal digits. Compute it with sha256sum."
  }
}

variable "vscodium_version" {
  type        = string
  default     = "1.108.20787"
  description = "The release of VSCodium."
}

variable "vscodium_sha256" {
  type        = string
  description = "The SHA-256 of codium_<version>_amd64.deb."
  validation {
    condition     = length(var.vscodium_sha256) == 64
    error_message = "The SHA-256 of VSCodium's .deb has 64 hexadecimal digits. Compute it with sha256sum."
  }
}

variable "mountpoint_version" {
  type        = string
  description = "The release of Mountpoint for Amazon S3, which shows the project's data as a folder."
}

variable "mountpoint_sha256" {
  type        = string
  description = "The SHA-256 of mount-s3-<version>-x86_64.deb."
  validation {
    condition     = length(var.mountpoint_sha256) == 64
    error_message = "The SHA-256 of Mountpoint's .deb has 64 hexadecimal digits. Compute it with sha256sum."
  }
}

variable "dbeaver_version" {
  type        = string
  description = "The release of DBeaver Community, a client for databases, such as 25.2.0."
}

variable "dbeaver_sha256" {
  type        = string
  description = "The SHA-256 of dbeaver-ce_<version>_amd64.deb."
  validation {
    condition     = length(var.dbeaver_sha256) == 64
    error_message = "The SHA-256 of DBeaver's .deb has 64 hexadecimal digits. Compute it with sha256sum."
  }
}

variable "julia_version" {
  type        = string
  description = "The release of Julia, such as 1.12.1."
}

variable "julia_sha256" {
  type        = string
  description = "The SHA-256 of julia-<version>-linux-x86_64.tar.gz."
  validation {
    condition     = length(var.julia_sha256) == 64
    error_message = "The SHA-256 of Julia's archive has 64 hexadecimal digits. Compute it with sha256sum."
  }
}

locals {
  desktop_downloads = [
    "BROCH_RSTUDIO_VERSION=${var.rstudio_version}",
    "BROCH_RSTUDIO_SHA256=${var.rstudio_sha256}",
    "BROCH_VSCODIUM_VERSION=${var.vscodium_version}",
    "BROCH_VSCODIUM_SHA256=${var.vscodium_sha256}",
    "BROCH_MOUNTPOINT_VERSION=${var.mountpoint_version}",
    "BROCH_MOUNTPOINT_SHA256=${var.mountpoint_sha256}",
    "BROCH_DBEAVER_VERSION=${var.dbeaver_version}",
    "BROCH_DBEAVER_SHA256=${var.dbeaver_sha256}",
    "BROCH_JULIA_VERSION=${var.julia_version}",
    "BROCH_JULIA_SHA256=${var.julia_sha256}",
  ]
}

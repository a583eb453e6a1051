# This block is in its own file because Debian's Packer 1.6.6 does not know it; that version reads all other files.
packer {
  required_version = ">= 1.7.0"
  required_plugins {
    amazon = {
      version = "= 1.8.2"
      source  = "github.com/hashicorp/amazon"
    }
  }
}

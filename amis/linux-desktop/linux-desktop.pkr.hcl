locals {
  image         = "linux-desktop"
  instance_type = "m7i.xlarge"
  disk          = 60
  downloads     = local.desktop_downloads
}

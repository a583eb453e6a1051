locals {
  image         = "linux-notebook"
  instance_type = "m7i.xlarge"
  disk          = 40
  downloads     = local.desktop_downloads
}

# The build of every Linux image: its steps are in steps.txt beside the image.

build {
  sources = ["source.amazon-ebs.machine"]

  provisioner "shell" {
    inline = ["sudo install --directory --owner=${local.builder} /opt/broch /opt/broch/provision"]
  }
  provisioner "file" {
    sources     = ["${path.root}/../shared/linux", "${path.root}/../${local.image}"]
    destination = "/opt/broch/provision"
  }
  provisioner "shell" {
    environment_vars = concat(local.downloads, [
      "BROCH_PACKAGE_MIRROR=${var.package_mirror}",
      "BROCH_RECIPE=${var.recipe}",
    ])
    execute_command = "sudo env {{ .Vars }} sh '{{ .Path }}'"
    inline          = ["sh /opt/broch/provision/linux/provision.sh ${local.image}"]
  }
  # Restarts the machine if a step changed the kernel, so that the smoke tests run on the kernel of the image.
  provisioner "shell" {
    execute_command   = "sudo sh '{{ .Path }}'"
    expect_disconnect = true
    skip_clean        = true
    inline            = ["if [ -e /run/broch-restart ]; then systemctl reboot; fi"]
  }
  # An image that fails its own smoke tests is never made.
  provisioner "shell" {
    pause_before    = "1m"
    execute_command = "sudo sh '{{ .Path }}'"
    inline          = ["broch-smoke"]
  }
  provisioner "file" {
    direction   = "download"
    source      = "/opt/broch/bill-of-materials.json"
    destination = "bill-of-materials-${local.image}.json"
  }
  # Last: it takes away the account that this build signs in with.
  provisioner "shell" {
    execute_command = "sudo sh '{{ .Path }}'"
    skip_clean      = true
    inline          = ["sh /opt/broch/provision/linux/seal.sh ${local.builder}"]
  }
  post-processor "manifest" {
    output      = "manifest-${local.image}.json"
    strip_path  = true
    custom_data = { recipe = var.recipe }
  }
}

locals {
  image         = "gateway"
  instance_type = "t3.medium"
  disk          = 12
  # What /aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64 names.
  base = "al2023-ami-2023.*-x86_64"
}

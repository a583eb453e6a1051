locals {
  image         = "batch-gpu"
  instance_type = "g6.xlarge"
  disk          = 100
  # What /aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended names.
  base = "al2023-ami-ecs-gpu-hvm-*-x86_64-ebs"
}

/**
 * The calls of release 1.8.2 of packer-plugin-amazon for a source as the recipes write it: amazon-ebs, a source image by
 * filter, a subnet, a security group and a profile that are given, SSH through Session Manager, an encrypted copy, tags, and
 * IMDSv2 in the image. Read from its sources (builder/ebs/builder.go and the steps that it names, builder/common/ssm):
 * https://github.com/hashicorp/packer-plugin-amazon/tree/v1.8.2
 * With each call the kinds of resources that it needs a right on; `*` where AWS knows none.
 */
export const packerCalls: Readonly<Record<string, readonly string[]>> = {
  // step_pre_validate, step_source_ami_info, step_network_info, step_security_group, step_run_source_instance,
  // step_create_ssm_tunnel, step_cleanup_volumes, step_create_tags
  'ec2:DescribeRegions': ['*'],
  'ec2:DescribeImages': ['*'],
  'ec2:DescribeSubnets': ['*'],
  'ec2:DescribeSecurityGroups': ['*'],
  'ec2:DescribeInstances': ['*'],
  'ec2:DescribeInstanceStatus': ['*'],
  'ec2:DescribeVolumes': ['*'],
  // step_key_pair
  'ec2:CreateKeyPair': ['key-pair'],
  'ec2:DeleteKeyPair': ['key-pair'],
  // step_run_source_instance
  'ec2:RunInstances': ['instance', 'volume', 'network-interface', 'key-pair', 'image', 'subnet', 'security-group'],
  'iam:PassRole': ['role'],
  'ec2:TerminateInstances': ['instance'],
  // step_create_ssm_tunnel
  'ssm:StartSession': ['instance', 'document'],
  'ssm:TerminateSession': ['session'],
  // step_stop_ebs_instance, step_create_ami, step_ami_region_copy with the removal of what it copied
  'ec2:StopInstances': ['instance'],
  'ec2:CreateImage': ['instance', 'image', 'snapshot'],
  'ec2:CopyImage': ['image', 'snapshot'],
  'ec2:DeregisterImage': ['image'],
  'ec2:DeleteSnapshot': ['snapshot'],
  // step_modify_ami_attributes, because of imds_support
  'ec2:ModifyImageAttribute': ['image'],
  // step_create_tags; and tags that other calls give: key pair, and machine, volume and network interface from run_tags
  'ec2:CreateTags': ['instance', 'volume', 'network-interface', 'key-pair', 'image', 'snapshot'],
};

/** Options that no recipe may have: they add calls, or remove something that the recipes rely on. */
export const optionsWithOtherCalls =
  /^(ami_description|ami_regions|associate_public_ip_address|deprecate_at|deregistration_protection|ena_support|fast_launch|force_|snapshot_users|snapshot_groups|spot_|sriov_support|temporary_|vault_|vpc_|winrm_)/;

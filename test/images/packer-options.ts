/**
 * The options that amazon-ebs has in release 1.8.2 of packer-plugin-amazon, and those of the blocks that the recipes use:
 * https://github.com/hashicorp/packer-plugin-amazon/tree/v1.8.2 (builder/ebs/builder.hcl2spec.go, builder/common)
 */
const splitNames = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

export const sourceOptions = splitNames(`
  access_key ami_block_device_mappings ami_description ami_groups ami_name ami_org_arns ami_ou_arns
  ami_product_codes ami_regions ami_users ami_virtualization_type associate_public_ip_address assume_role
  availability_zone aws_polling block_duration_minutes capacity_reservation_group_arn
  capacity_reservation_id capacity_reservation_preference communicator custom_endpoint_ec2
  decode_authorization_messages deprecate_at deregistration_protection disable_stop_instance ebs_optimized
  ena_support enable_nitro_enclave enable_t2_unlimited enable_unlimited_credits encrypt_boot fast_launch
  fleet_tag fleet_tags force_delete_snapshot force_deregister iam_instance_profile imds_support
  insecure_skip_tls_verify instance_type kms_key_id launch_block_device_mappings license_specifications
  max_retries metadata_options mfa_code no_ephemeral pause_before_connecting pause_before_ssm placement
  profile region region_kms_key_ids run_tag run_tags run_volume_tag run_volume_tags secret_key
  security_group_filter security_group_id security_group_ids session_manager_port shared_credentials_file
  shutdown_behavior skip_ami_run_tags skip_create_ami skip_credential_validation skip_metadata_api_check
  skip_profile_validation skip_region_validation skip_save_build_region snapshot_copy_duration_minutes
  snapshot_groups snapshot_tag snapshot_tags snapshot_users source_ami source_ami_filter
  spot_allocation_strategy spot_instance_types spot_price spot_price_auto_product spot_tag spot_tags
  sriov_support ssh_agent_auth ssh_bastion_agent_auth ssh_bastion_certificate_file ssh_bastion_host
  ssh_bastion_interactive ssh_bastion_password ssh_bastion_port ssh_bastion_private_key_file
  ssh_bastion_username ssh_certificate_file ssh_ciphers ssh_clear_authorized_keys
  ssh_disable_agent_forwarding ssh_file_transfer_method ssh_handshake_attempts ssh_host ssh_interface
  ssh_keep_alive_interval ssh_key_exchange_algorithms ssh_keypair_name ssh_local_tunnels ssh_password
  ssh_port ssh_private_key ssh_private_key_file ssh_proxy_host ssh_proxy_password ssh_proxy_port
  ssh_proxy_username ssh_pty ssh_public_key ssh_read_write_timeout ssh_remote_tunnels ssh_timeout
  ssh_username ssh_wait_timeout subnet_filter subnet_id tag tags
  temporary_iam_instance_profile_policy_document temporary_key_pair_bits temporary_key_pair_name
  temporary_key_pair_type temporary_security_group_source_cidrs temporary_security_group_source_public_ip
  tenancy token user_data user_data_file vault_aws_engine vpc_filter vpc_id windows_password_timeout
  winrm_host winrm_insecure winrm_no_proxy winrm_password winrm_port winrm_timeout winrm_use_ntlm
  winrm_use_ssl winrm_username
`);

export const blockOptions: Readonly<Record<string, ReadonlySet<string>>> = {
  launch_block_device_mappings: splitNames(`
    delete_on_termination device_name encrypted iops kms_key_id no_device snapshot_id throughput virtual_name
    volume_size volume_type
  `),
  metadata_options: splitNames('http_endpoint http_put_response_hop_limit http_tokens instance_metadata_tags'),
  source_ami_filter: splitNames('filters include_deprecated most_recent owners'),
};

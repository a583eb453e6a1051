import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { workspaceProviders } from '../../functions/workspaces/kinds.ts';
import { optionsWithOtherCalls } from './packer-calls.ts';
import { blockOptions, sourceOptions } from './packer-options.ts';
import { imageNames, imagesFolder, readRecipe } from './recipes.ts';

const builderCommands = readFileSync(join(imagesFolder, '../lib/image-builder.ts'), 'utf8');
const recipes = await Promise.all(imageNames.map(async name => [name, await readRecipe(name)] as const));

describe('the Packer recipes', () => {
  it('exist for every kind of image', () => {
    expect(imageNames).toEqual([
      'batch-gpu',
      'enclave-parent',
      'gateway',
      'linux-desktop',
      'linux-gpu',
      'linux-notebook',
      'windows-desktop',
    ]);
  });

  it.each(recipes)('%s opens no inbound port', (_, { source, variables }) => {
    expect(source).toMatchObject({
      communicator: 'ssh',
      ssh_interface: 'session_manager',
      security_group_id: '${var.security_group_id}',
      subnet_id: '${var.subnet_id}',
    });
    // With a group given Packer makes none of its own, which would have an inbound rule.
    expect(variables.security_group_id).not.toHaveProperty('default');
    expect(
      Object.keys(source).filter(key => /^temporary_security_group|^winrm_|^associate_public_ip/.test(key)),
    ).toEqual([]);
  });

  it.each(recipes)(
    '%s lets Packer make no role: the build machine has one that is given',
    (_, { source, variables }) => {
      expect(source.iam_instance_profile).toBe('${var.instance_profile}');
      expect(source).not.toHaveProperty('temporary_iam_instance_profile_policy_document');
      expect(variables.instance_profile).not.toHaveProperty('default');
    },
  );

  it.each(recipes)('%s has no option whose calls the role of builds may not make', (_, { source }) => {
    // Packer would read the profile from IAM.
    expect(source.skip_profile_validation).toBe(true);
    expect(Object.keys(source).filter(key => optionsWithOtherCalls.test(key))).toEqual([]);
  });

  it.each(recipes)('%s requires version 2 of the instance metadata service (IMDSv2)', (_, { source }) => {
    expect(source.metadata_options).toEqual([
      { http_endpoint: 'enabled', http_tokens: 'required', http_put_response_hop_limit: 1 },
    ]);
    expect(source.imds_support).toBe('v2.0');
  });

  it.each(recipes)('%s encrypts the image under a key of the organisation', (_, { source, variables }) => {
    expect(source).toMatchObject({ encrypt_boot: true, kms_key_id: '${var.kms_key_id}' });
    for (const disk of source.launch_block_device_mappings)
      expect(disk).toMatchObject({ encrypted: true, kms_key_id: '${var.kms_key_id}', volume_type: 'gp3' });
    expect(variables.kms_key_id).not.toHaveProperty('default');
  });

  it.each(recipes.filter(([name]) => /^(linux|windows)-/.test(name)))(
    '%s has the root device that workspaces are launched with',
    (name, { source }) => {
      const provider = Object.values(workspaceProviders).find(({ image }) => image === name);
      expect(source.launch_block_device_mappings[0].device_name).toBe(provider?.rootDevice);
    },
  );

  it.each(recipes)('%s starts from an image whose owner it names', (_, { source }) => {
    const [filter] = source.source_ami_filter;
    // Amazon's alias or Debian's own account: a name alone could be anybody's.
    expect([['amazon'], ['136693071363']]).toContainEqual(filter.owners);
    expect(filter.filters).toMatchObject({
      'root-device-type': 'ebs',
      'virtualization-type': 'hvm',
      architecture: 'x86_64',
    });
    expect(source).not.toHaveProperty('source_ami');
  });

  it.each(recipes)('%s tags image, snapshots and build machine', (_, { source, locals }) => {
    expect(source).toMatchObject({
      tags: '${local.tags}',
      snapshot_tags: '${local.tags}',
      run_tags: '${local.run_tags}',
      run_volume_tags: '${local.run_tags}',
    });
    expect(Object.keys(locals.tags).sort()).toEqual(['broch:base', 'broch:image', 'broch:recipe', 'broch:status']);
    expect(locals.tags['broch:status']).toBe('candidate');
  });

  it.each(recipes)('%s is named after its folder', (name, { locals, source }) => {
    expect(locals.image).toBe(name);
    expect(source.ami_name).toBe('broch-${local.image}-${local.built}');
  });

  it.each(recipes)('%s shares the image with no other account by default', (_, { variables, source }) => {
    expect(source).toMatchObject({ ami_users: '${var.ami_users}', ami_org_arns: '${var.ami_org_arns}' });
    expect(variables.ami_users?.default).toEqual([]);
    expect(variables.ami_org_arns?.default).toEqual([]);
    expect(source).not.toHaveProperty('ami_groups');
  });

  it.each(recipes)('%s pins the plugin to one release', (_, { plugin }) => {
    expect(plugin).toEqual({ source: 'github.com/hashicorp/amazon', version: '= 1.8.2' });
  });

  it.each(recipes)('%s uses only options that this release of the plugin has', (_, { source }) => {
    const unknownOptions = (block: object, options: ReadonlySet<string> | undefined) =>
      Object.keys(block).filter(key => !options?.has(key));
    expect(unknownOptions(source, sourceOptions)).toEqual([]);
    for (const [name, options] of Object.entries(blockOptions))
      for (const block of source[name] as object[]) expect(unknownOptions(block, options), name).toEqual([]);
  });

  it.each(recipes)('%s has no default for the hash of a download', (_, { variables }) => {
    for (const [name, variable] of Object.entries(variables)) {
      if (!name.endsWith('_sha256')) continue;
      expect(variable, name).not.toHaveProperty('default');
      expect(variable.validation[0].error_message, name).toMatch(/sha256sum|Get-FileHash/);
    }
  });

  it.each(recipes)(
    '%s has a value for every variable, except on Debian for the versions and hashes of downloads',
    (name, { variables }) => {
      const builderValues = new Set([...builderCommands.matchAll(/-var "(\w+)=/g)].map(([, variable]) => variable));
      const missing = Object.entries(variables).filter(
        ([key, variable]) => !('default' in variable) && !builderValues.has(key),
      );
      const isOnDebian = name.startsWith('linux-');
      expect(missing.length > 0).toBe(isOnDebian);
      for (const [key] of missing) expect(key).toMatch(/_(version|sha256)$/);
    },
  );

  it.each(recipes)('%s writes a manifest of what was built', (_, { postProcessors }) => {
    expect(postProcessors.manifest[0]).toMatchObject({
      output: expect.stringMatching(/^manifest-.*\.json$/),
      strip_path: true,
    });
  });

  it.each(recipes)('%s downloads the bill of materials from the build machine', (_, { provisioners }) => {
    const downloads = provisioners.filter(([kind, { direction }]) => kind === 'file' && direction === 'download');
    expect(downloads.map(([, { destination }]) => destination)).toEqual(['bill-of-materials-${local.image}.json']);
  });

  it.each(imageNames)('%s has no copy of a shared file', name => {
    const shared = readdirSync(join(imagesFolder, 'shared')).filter(file => file.endsWith('.pkr.hcl'));
    for (const file of readdirSync(join(imagesFolder, name)).filter(file => shared.includes(file)))
      expect(lstatSync(join(imagesFolder, name, file)).isSymbolicLink(), file).toBe(true);
  });
});

describe('the build network', () => {
  const { Resources } = JSON.parse(readFileSync(join(imagesFolder, 'shared/build-network.json'), 'utf8')) as {
    Resources: Record<string, { Type: string; Properties?: Record<string, unknown> }>;
  };
  it('allows no inbound traffic', () => {
    const groups = Object.values(Resources).filter(({ Type }) => Type === 'AWS::EC2::SecurityGroup');
    expect(groups.map(({ Properties }) => Properties?.SecurityGroupIngress)).toEqual([[]]);
    expect(Object.values(Resources).map(({ Type }) => Type)).not.toContain('AWS::EC2::SecurityGroupIngress');
  });

  it('lets the build machine use Session Manager and nothing else', () => {
    const roles = Object.values(Resources).filter(({ Type }) => Type === 'AWS::IAM::Role');
    const actions = [...JSON.stringify(roles).matchAll(/"(\w+:\w+)"/g)].map(([, action = '']) => action);
    expect(actions).toContain('ssmmessages:OpenDataChannel');
    for (const action of actions)
      expect(action).toMatch(/^(sts:AssumeRole|ssm:UpdateInstanceInformation|ssmmessages:\w+)$/);
  });
});

import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { repositoryRoot } from './cloud.ts';
import {
  type AssemblyResource,
  type AssemblyTemplate,
  stripConditionKeys,
  unsupportedConditionKeys,
} from './strip-conditions.ts';

/**
 * Resource types that the embedded cloud's CloudFormation does not know. They are left out of the synthesised templates
 * before these are deployed there, and printed for the user. The app itself does not know about it.
 */
const unsupportedResourceTypes: readonly string[] = [
  'AWS::Backup::BackupSelection',
  'AWS::CodeArtifact::Domain',
  'AWS::CodeArtifact::PackageGroup',
  'AWS::CodeArtifact::Repository',
  'AWS::EC2::FlowLog',
  'AWS::EC2::Route',
  'AWS::EC2::SecurityGroupEgress',
  'AWS::EC2::SecurityGroupIngress',
  'AWS::EC2::VPCPeeringConnection',
  'AWS::GuardDuty::MalwareProtectionPlan',
  'AWS::Route53Resolver::FirewallDomainList',
  'AWS::Route53Resolver::FirewallRuleGroup',
  'AWS::Route53Resolver::FirewallRuleGroupAssociation',
  'AWS::Route53Resolver::FirewallConfig',
  'AWS::Route53Resolver::ResolverQueryLoggingConfig',
  'AWS::Route53Resolver::ResolverQueryLoggingConfigAssociation',
];

/** The template without resources of the given types, and the types that were removed. Throws if a remaining resource
 * refers to a removed one. */
function stripResourceTypes(
  template: AssemblyTemplate,
  types: readonly string[],
): { template: AssemblyTemplate; removedTypes: string[] } {
  const resources = Object.entries(template.Resources ?? {});
  const removedIds = new Set(resources.flatMap(([id, { Type }]) => (types.includes(Type) ? [id] : [])));
  const stays = resources
    .filter(([id]) => !removedIds.has(id))
    .map(([id, { DependsOn = [], ...resource }]) => {
      const needs = [DependsOn].flat().filter(id => !removedIds.has(id));
      return [id, { ...resource, ...(needs.length > 0 && { DependsOn: needs }) }] as const;
    });
  for (const [id, resource] of stays) {
    const missing = referred(resource).find(id => removedIds.has(id));
    if (missing) throw new Error(`${id} refers to ${missing}, which the embedded cloud can't have`);
  }
  const removedTypes = resources.flatMap(([id, { Type }]) => (removedIds.has(id) ? [Type] : []));
  return {
    template: { ...template, Resources: Object.fromEntries(stays) as Record<string, AssemblyResource> },
    removedTypes,
  };
}

function referred(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(referred);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key === 'Ref' && typeof inner === 'string') return [inner];
    if (key === 'Fn::GetAtt') return [Array.isArray(inner) ? String(inner[0]) : (String(inner).split('.')[0] ?? '')];
    return referred(inner);
  });
}

/** The emulator resolves a secret's `Ref` to its name, AWS to its ARN. The attribute `Id` is the ARN on both. */
function replaceSecretRefs(template: AssemblyTemplate): AssemblyTemplate {
  const secrets = new Set(
    Object.entries(template.Resources ?? {}).flatMap(([id, { Type }]) =>
      Type === 'AWS::SecretsManager::Secret' ? [id] : [],
    ),
  );
  return JSON.parse(JSON.stringify(template), (_, value) =>
    typeof value?.Ref === 'string' && secrets.has(value.Ref) ? { 'Fn::GetAtt': [value.Ref, 'Id'] } : value,
  );
}

/** Runs a program and passes its output on line by line. If it fails, rejects with the last lines. */
export function runProgram(
  command: string[],
  env: Record<string, string | undefined>,
  line: (text: string) => void = () => {},
): Promise<void> {
  const [program = '', ...args] = command;
  return new Promise((resolve, reject) => {
    // A process group of its own, so that the program and its children can be ended together.
    const child = spawn(program, args, { cwd: repositoryRoot, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const end = () => {
      try {
        if (child.pid) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended already.
      }
    };
    process.once('exit', end);
    const last: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', text => {
        last.push(text);
        if (last.length > 25) last.shift();
        line(text);
      });
    }
    child.on('error', reject);
    child.on('close', code => {
      process.removeListener('exit', end);
      if (code === 0) resolve();
      else reject(new Error(`${args.slice(0, 3).join(' ')} failed:\n${last.join('\n')}`));
    });
  });
}

const node = join(repositoryRoot, 'node_modules/node/bin/node');
/** The real CDK CLI, on the Node of this repository. */
export const cdkCommandLine = (...args: string[]): string[] => [
  node,
  join(repositoryRoot, 'node_modules/aws-cdk/bin/cdk'),
  ...args,
  '--no-notices',
];
export const quietCdkEnvironment = { CDK_DISABLE_CLI_TELEMETRY: 'true', CI: 'true', NO_COLOR: '1' };

/** Synthesises the app for a configuration into `folder`, and leaves out what the embedded cloud can't have. */
export async function buildAssembly(config: string, folder: string): Promise<{ omissions: string[] }> {
  rmSync(folder, { recursive: true, force: true });
  await runProgram(cdkCommandLine('synth', '--quiet', '-c', `config=${config}`, '-o', folder), {
    ...process.env,
    ...quietCdkEnvironment,
    // The CDK's own check of templates takes half of the time. Tests make it, and check more, for production.
    CDK_VALIDATION: 'false',
  });
  // The CDK CLI reads the whole file for each resource whose progress it shows, which took half of a deploy.
  for (const name of readdirSync(folder).filter(name => name.endsWith('.metadata.json')))
    writeFileSync(join(folder, name), '{}');
  const omissions = readdirSync(folder)
    .filter(name => name.endsWith('.template.json') || /^asset\..*\.json$/.test(name))
    .flatMap(name => {
      const file = join(folder, name);
      const { template, removedTypes } = stripResourceTypes(
        JSON.parse(readFileSync(file, 'utf8')),
        unsupportedResourceTypes,
      );
      const reduced = stripConditionKeys(template, unsupportedConditionKeys);
      writeFileSync(file, JSON.stringify(replaceSecretRefs(reduced.template)));
      return [...removedTypes, ...reduced.removedKeys];
    });
  return { omissions: [...new Set(omissions)].sort() };
}

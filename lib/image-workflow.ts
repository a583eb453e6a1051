import { type Duration, Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Key } from 'aws-cdk-lib/aws-kms';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import type * as Build from '../functions/images/build.lambda.ts';
import type * as Fail from '../functions/images/fail.lambda.ts';
import type * as Findings from '../functions/images/findings.lambda.ts';
import type * as Launch from '../functions/images/launch.lambda.ts';
import type * as Remove from '../functions/images/remove.lambda.ts';
import type * as Scan from '../functions/images/scan.lambda.ts';
import type * as Smoke from '../functions/images/smoke.lambda.ts';
import type * as Tested from '../functions/images/tested.lambda.ts';
import { accessTo, tableAccess } from './access.ts';
import type { Core } from './core.ts';
import { Handler } from './handler.ts';
import type { ImageBuilder } from './image-builder.ts';
import type { ImageNetwork } from './image-network.ts';
import {
  allowEverywhere,
  createsScanRole,
  launchesCandidates,
  opensEndpoints,
  removesCandidates,
  sendsSmokeTests,
} from './image-rights.ts';
import { Workflow } from './workflow.ts';

export interface ImageWorkflowProps {
  readonly core: Core;
  readonly key: Key;
  readonly network: ImageNetwork;
  readonly builder: ImageBuilder;
  /** The rules of decisions, as JSON. */
  readonly rules: string;
  readonly deadline: Duration;
}

/** The functions that start, use and remove the machine of a candidate. */
function createMachineSteps(scope: Construct, { core, key, network }: ImageWorkflowProps) {
  const { environment } = core.config;
  const place = JSON.stringify({
    vpc: network.vpc.attrVpcId,
    subnet: network.test.subnet.attrSubnetId,
    group: network.test.group.attrGroupId,
    endpointGroup: network.endpointGroup.attrGroupId,
    profile: network.test.profile.ref,
    region: Stack.of(scope).region,
  });
  const opensEndpointsHere = accessTo(environment, ...opensEndpoints(scope, network, environment));
  return {
    Launch: new Handler<typeof Launch>(scope, 'Launch', {
      core,
      entry: 'images/launch.lambda.ts',
      seconds: 60,
      environment: {
        TABLE_NAME: tableAccess(core.table, { image: ['GetItem'] }),
        NETWORK: accessTo(place, ...launchesCandidates(scope, network, key, environment)),
        ENVIRONMENT: opensEndpointsHere,
      },
    }),
    Smoke: new Handler<typeof Smoke>(scope, 'Smoke', {
      core,
      entry: 'images/smoke.lambda.ts',
      environment: { NETWORK: accessTo(place, ...sendsSmokeTests(scope)), ENVIRONMENT: opensEndpointsHere },
    }),
    Scan: new Handler<typeof Scan>(scope, 'Scan', {
      core,
      entry: 'images/scan.lambda.ts',
      environment: {
        INSTANCES: accessTo(
          Stack.of(scope).formatArn({ service: 'ec2', resource: 'instance', resourceName: '' }),
          // GuardDuty has no resource-level permissions for scans.
          allowEverywhere('guardduty:StartMalwareScan', 'guardduty:ListMalwareScans'),
          createsScanRole(scope),
        ),
      },
    }),
    Remove: new Handler<typeof Remove>(scope, 'Remove', {
      core,
      entry: 'images/remove.lambda.ts',
      seconds: 60,
      environment: { NETWORK: place, ENVIRONMENT: accessTo(environment, ...removesCandidates(scope, environment)) },
    }),
  };
}

/** The functions that record what became of a run. */
function createRecordSteps(scope: Construct, { core, rules }: ImageWorkflowProps) {
  const { environment } = core.config;
  const row = tableAccess(core.table, { image: ['GetItem', 'PutItem'] });
  return {
    Tested: new Handler<typeof Tested>(scope, 'Tested', {
      core,
      entry: 'images/tested.lambda.ts',
      environment: {
        TABLE_NAME: row,
        RULES: rules,
        ENVIRONMENT: accessTo(environment, allowEverywhere('ssm:GetCommandInvocation')),
      },
    }),
    Findings: new Handler<typeof Findings>(scope, 'Findings', {
      core,
      entry: 'images/findings.lambda.ts',
      seconds: 60,
      environment: {
        TABLE_NAME: row,
        RULES: rules,
        ENVIRONMENT: accessTo(
          environment,
          allowEverywhere('inspector2:ListCoverage', 'inspector2:ListFindings', 'guardduty:GetMalwareScan'),
        ),
      },
    }),
    Fail: new Handler<typeof Fail>(scope, 'Fail', {
      core,
      entry: 'images/fail.lambda.ts',
      environment: { TABLE_NAME: row, RULES: rules },
    }),
  };
}

/** The workflow of one run: build, test, scan. */
export function createImageWorkflow(scope: Construct, props: ImageWorkflowProps): IStateMachine {
  const { core, builder, rules, deadline } = props;
  const { project } = builder;
  const build = new Handler<typeof Build>(scope, 'Build', {
    core,
    entry: 'images/build.lambda.ts',
    environment: {
      TABLE_NAME: tableAccess(core.table, { image: ['GetItem', 'PutItem'] }),
      RULES: rules,
      BUILDER: accessTo(
        project.ref,
        new PolicyStatement({ actions: ['codebuild:StartBuild'], resources: [project.attrArn] }),
      ),
    },
  });
  const { machine } = new Workflow(scope, 'Workflow', {
    core,
    file: 'images.asl.json',
    calls: { Build: build, ...createMachineSteps(scope, props), ...createRecordSteps(scope, props) },
    values: { BuildSeconds: 9 * 3600 },
    deadline,
    severity: 'warning',
  });
  return machine;
}

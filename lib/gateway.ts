import { CfnParameter, Fn, RemovalPolicy, Stack, Tags, Validations } from 'aws-cdk-lib';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import {
  AllowedMethods,
  CachePolicy,
  CfnVpcOrigin,
  Distribution,
  Function as EdgeFunction,
  FunctionCode,
  FunctionEventType,
  FunctionRuntime,
  OriginRequestPolicy,
  PriceClass,
  ResponseHeadersPolicy,
  SecurityPolicyProtocol,
  ViewerProtocolPolicy,
  VpcOrigin,
} from 'aws-cdk-lib/aws-cloudfront';
import { HttpOrigin, VpcOrigin as PrivateOrigin } from 'aws-cdk-lib/aws-cloudfront-origins';
import { CfnInstance, CfnLaunchTemplate } from 'aws-cdk-lib/aws-ec2';
import { CfnInstanceProfile, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { imageParameter } from '../functions/images/schemas.ts';
import { linkPage, linkPageHeaders } from '../functions/workspaces/link-page.ts';
import { bucketAccess, secretAccess } from './access.ts';
import type { GatewayConfig } from './config.ts';
import type { Core } from './core.ts';
import { GatewayKeeper } from './gateway-keeper.ts';
import { GATEWAY_TAG, GatewayNetwork, gatewayPort } from './gateway-network.ts';
import { explainWildcards } from './nag-wildcards.ts';

const answer = JSON.stringify({
  statusCode: 200,
  statusDescription: 'OK',
  headers: Object.fromEntries(Object.entries(linkPageHeaders).map(([name, value]) => [name, { value }])),
  body: linkPage,
});

/** `/api/me` at the front door is `/me` at the API, and `/enter` is the page of links. Nothing else is below neither path. */
const API_PATHS = `function handler(event) {
  var request = event.request;
  if (request.uri === '/enter') return ${answer};
  if (!request.uri.startsWith('/api/')) return { statusCode: 404, statusDescription: 'Not Found' };
  request.uri = request.uri.slice(4);
  return request;
}`;

export interface GatewayProps {
  readonly core: Core;
  readonly settings: GatewayConfig;
  /** The host and the stage of the HTTP API. */
  readonly api: { readonly host: string; readonly stage: string };
  /** Guacamole's json-secret-key, which signs links. */
  readonly key: ISecret;
  /** Where recordings of sessions go, if any are made. */
  readonly recordings?: IBucket | undefined;
}

/**
 * The way into desktops: one address for the API and for Apache Guacamole. The gateway is one machine in a network of its
 * own, which no address of the internet reaches but through CloudFront. It is stopped while no desktop runs, and costs its
 * disk then: docs/adr/15-gateway-machine.md says why it is no load balancer with containers.
 */
export class Gateway extends Construct {
  readonly network: GatewayNetwork;

  constructor(scope: Construct, id: string, { core, settings, api, key, recordings }: GatewayProps) {
    super(scope, id);
    this.network = new GatewayNetwork(this, 'Network', { core, settings, recordings });
    const machine = this.machine({ core, settings, key, recordings });
    new GatewayKeeper(this, 'Keeper', { core, network: this.network, machine: machine.ref });
    const origin = new CfnVpcOrigin(this, 'Origin', {
      vpcOriginEndpointConfig: {
        name: `broch-${core.config.environment}-gateway`,
        arn: Stack.of(this).formatArn({ service: 'ec2', resource: 'instance', resourceName: machine.ref }),
        httpPort: gatewayPort(settings),
        // Inside AWS's own network. Guacamole's image speaks no TLS by itself.
        originProtocolPolicy: 'http-only',
      },
    });
    this.frontDoor(settings, api, {
      id: origin.attrId,
      host: machine.attrPrivateDnsName,
    });
  }

  private machine({ core, settings, key, recordings }: Omit<GatewayProps, 'api'>): CfnInstance {
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });
    const statements = [
      ...secretAccess(key).statements,
      ...(recordings ? bucketAccess(recordings, ['write']).statements : []),
    ];
    for (const statement of statements) role.addToPolicy(statement);
    explainWildcards(role, statements, 'The key of links and new recordings, and nothing else.');
    Validations.of(role).acknowledge({
      id: 'NIST.800.53.R5-IAMNoInlinePolicy',
      reason: 'A role of one machine: its policy belongs to nothing else.',
    });
    const profile = new CfnInstanceProfile(this, 'Profile', { roles: [role.roleName] });
    const template = new CfnLaunchTemplate(this, 'Template', {
      launchTemplateData: {
        metadataOptions: { httpTokens: 'required', httpPutResponseHopLimit: 1, httpEndpoint: 'enabled' },
      },
    });
    const machine = new CfnInstance(this, 'Machine', {
      // An image that was built, approved and published like those of desktops. A newer one replaces the machine.
      imageId: new CfnParameter(this, 'Image', {
        type: 'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>',
        default: imageParameter('gateway'),
      }).valueAsString,
      instanceType: settings.size,
      subnetId: this.network.subnet.attrSubnetId,
      securityGroupIds: [this.network.group.attrGroupId],
      iamInstanceProfile: profile.ref,
      monitoring: true,
      // The image is encrypted, and so is the disk.
      blockDeviceMappings: [{ deviceName: '/dev/xvda', ebs: { encrypted: true, volumeType: 'gp3', volumeSize: 12 } }],
      launchTemplate: { launchTemplateId: template.ref, version: template.attrLatestVersionNumber },
      userData: Fn.base64(
        `BROCH_KEY=${key.secretArn}\nBROCH_REGION=${Stack.of(this).region}\nBROCH_RECORDINGS=${recordings?.bucketName ?? ''}\nBROCH_DCV=${settings.gpuProtocol === 'dcv' ? 'yes' : ''}\n`,
      ),
      propagateTagsToVolumeOnCreation: true,
    });
    machine.applyRemovalPolicy(RemovalPolicy.DESTROY);
    Tags.of(machine).add(GATEWAY_TAG, core.config.environment);
    Tags.of(machine).add('Name', `broch ${core.config.environment} gateway`);
    const reason = 'It holds nothing: another machine from the same image takes its place.';
    Validations.of(machine).acknowledge(
      { id: 'AwsSolutions-EC29', reason },
      { id: 'NIST.800.53.R5-EC2EBSInBackupPlan', reason },
    );
    return machine;
  }

  private frontDoor(settings: GatewayConfig, api: GatewayProps['api'], machine: { id: string; host: string }): void {
    const common = {
      allowedMethods: AllowedMethods.ALLOW_ALL,
      cachePolicy: CachePolicy.CACHING_DISABLED,
      viewerProtocolPolicy: ViewerProtocolPolicy.HTTPS_ONLY,
      responseHeadersPolicy: ResponseHeadersPolicy.SECURITY_HEADERS,
    };
    const desktops = {
      ...common,
      origin: PrivateOrigin.withVpcOrigin(
        VpcOrigin.fromVpcOriginAttributes(this, 'MachineOrigin', { vpcOriginId: machine.id, domainName: machine.host }),
      ),
      // With the headers that open a WebSocket.
      originRequestPolicy: OriginRequestPolicy.ALL_VIEWER,
    };
    const distribution = new Distribution(this, 'FrontDoor', {
      comment: 'Broch: the API and the way into desktops',
      domainNames: [settings.domain],
      certificate: Certificate.fromCertificateArn(this, 'Certificate', settings.certificate),
      minimumProtocolVersion: SecurityPolicyProtocol.TLS_V1_2_2021,
      priceClass: PriceClass.PRICE_CLASS_100,
      defaultBehavior: {
        ...common,
        origin: new HttpOrigin(api.host, { originPath: `/${api.stage}` }),
        originRequestPolicy: OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
        functionAssociations: [
          {
            eventType: FunctionEventType.VIEWER_REQUEST,
            function: new EdgeFunction(this, 'ApiPaths', {
              runtime: FunctionRuntime.JS_2_0,
              code: FunctionCode.fromInline(API_PATHS),
            }),
          },
        ],
      },
      additionalBehaviors: {
        '/desktop/*': desktops,
        ...(settings.gpuProtocol === 'dcv' && { '/dcv/*': desktops }),
      },
    });
    Validations.of(distribution).acknowledge(
      {
        id: 'AwsSolutions-CFR1',
        reason: 'Where the researchers of an organisation are is its own choice: WAF and CloudFront can be told there.',
      },
      {
        id: 'AwsSolutions-CFR2',
        reason: 'A web ACL costs by the month. Everything behind either path asks who it is before anything else.',
      },
      {
        id: 'AwsSolutions-CFR3',
        reason:
          "Guacamole's tunnel carries its session token in the address, so CloudFront's log would hold it. The API and the gateway keep logs of their own without it.",
      },
      {
        id: 'AwsSolutions-CFR5',
        reason: "CloudFront reaches the machine by a VPC origin, inside AWS's own network.",
      },
    );
  }
}

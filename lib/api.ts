import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  HttpApi,
  HttpMethod,
  HttpRoute,
  HttpRouteKey,
  HttpStage,
  LogGroupLogDestination,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpJwtAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { CfnUserPoolGroup, FeaturePlan, Mfa, UserPool, type UserPoolClient } from 'aws-cdk-lib/aws-cognito';
import { Construct } from 'constructs';
import type * as Open from '../functions/api/api.lambda.ts';
import { routes } from '../functions/api/routes.ts';
import { type Capability, type Route, userGroups } from '../functions/http/route.ts';
import { alarm } from './alarm.ts';
import type { Core } from './core.ts';
import { Handler, type Module } from './handler.ts';

/** Who can sign in: a user pool that nobody joins by themselves and that asks for a second factor. */
export class People extends Construct {
  readonly pool: UserPool;
  readonly client: UserPoolClient;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.pool = new UserPool(this, 'Pool', {
      selfSignUpEnabled: false,
      signInAliases: { username: true, email: true },
      mfa: Mfa.REQUIRED,
      mfaSecondFactor: { otp: true, sms: false },
      passwordPolicy: {
        minLength: 14,
        requireDigits: true,
        requireLowercase: true,
        requireUppercase: true,
        requireSymbols: true,
        tempPasswordValidity: Duration.days(3),
      },
      featurePlan: FeaturePlan.ESSENTIALS,
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.client = this.pool.addClient('CommandLine', {
      // A public client: no secret to leak. The password itself never travels (SRP).
      authFlows: { userSrp: true },
      generateSecret: false,
      disableOAuth: true,
      preventUserExistenceErrors: true,
      enableTokenRevocation: true,
      accessTokenValidity: Duration.minutes(60),
      idTokenValidity: Duration.minutes(60),
      refreshTokenValidity: Duration.hours(12),
    });
    for (const group of userGroups) {
      new CfnUserPoolGroup(this, `${group[0]?.toUpperCase()}${group.slice(1)}s`, {
        userPoolId: this.pool.userPoolId,
        groupName: group,
      });
    }
    Validations.of(this.pool).acknowledge(
      {
        id: 'AwsSolutions-COG3',
        reason: 'Threat protection is a paid plan: a choice of the organisation. TOTP is required of everybody.',
      },
      { id: 'AwsSolutions-COG8', reason: 'The Plus plan costs per person a month: a choice of the organisation.' },
    );
  }
}

export interface ApiProps {
  readonly core: Core;
  readonly people: People;
  /** The function behind each capability's routes; the one of `api` itself is made here. */
  readonly handlers: Readonly<Record<Exclude<Capability, 'api'>, Handler<Module>>>;
}

/** The HTTP API: every entry of routes.ts, behind the pool's tokens unless it is open to anyone. */
export class Api extends Construct {
  readonly url: string;

  constructor(scope: Construct, id: string, { core, people, handlers }: ApiProps) {
    super(scope, id);
    const { region } = Stack.of(this);
    const authorizer = new HttpJwtAuthorizer(
      'Tokens',
      `https://cognito-idp.${region}.amazonaws.com/${people.pool.userPoolId}`,
      {
        jwtAudience: [people.client.userPoolClientId],
      },
    );
    const api = new HttpApi(this, 'Http', { apiName: `broch-${core.config.environment}`, createDefaultStage: false });
    const stage = new HttpStage(this, 'Stage', {
      httpApi: api,
      stageName: 'v1',
      autoDeploy: true,
      throttle: { rateLimit: 100, burstLimit: 200 },
      accessLogSettings: {
        destination: new LogGroupLogDestination(core.logGroup(this, '/aws/vendedlogs/apigateway/')),
        format: AccessLogFormat.custom(
          JSON.stringify({
            at: '$context.requestTimeEpoch',
            id: '$context.requestId',
            route: '$context.routeKey',
            status: '$context.status',
            ip: '$context.identity.sourceIp',
            user: '$context.authorizer.claims.sub',
            ms: '$context.responseLatency',
            error: '$context.authorizer.error',
          }),
        ),
      },
    });
    this.url = stage.url;
    const all: Record<Capability, Handler<Module>> = {
      ...handlers,
      api: new Handler<typeof Open>(this, 'Open', {
        core,
        entry: 'api/api.lambda.ts',
        environment: { SERVER: stage.url },
      }),
    };
    const integrations = new Map(
      Object.entries(all).map(([name, { fn }]) => [name, new HttpLambdaIntegration(name, fn)]),
    );
    const integrationOf = (capability: Capability) => {
      const integration = integrations.get(capability);
      if (!integration) throw new Error(`no function for the capability ${capability}`);
      return integration;
    };
    for (const { method, path, capability, who } of Object.values<Route>(routes)) {
      const integration = integrationOf(capability);
      api.addRoutes({ path, methods: [HttpMethod[method]], integration, ...(who === 'anyone' ? {} : { authorizer }) });
    }
    // Any other address: a problem document for whoever is signed in, and nothing to run for whoever is not.
    new HttpRoute(this, 'Elsewhere', {
      httpApi: api,
      routeKey: HttpRouteKey.DEFAULT,
      integration: integrationOf('api'),
      authorizer,
    });
    Validations.of(api).acknowledge({
      id: 'AwsSolutions-APIG4',
      reason: 'GET /openapi.json is open to anyone: it holds the routes and nothing of any person or project.',
    });
    alarm(this, 'ServerErrors', {
      topic: core.alarms,
      metric: api.metricServerError({ period: Duration.minutes(5), statistic: 'Sum' }),
      means: 'The API answered somebody with a 5xx.',
      check: "The API's access log for the status and the route, then that function's log.",
      do: 'Mend the cause; callers may repeat a write with the same Idempotency-Key.',
    });
  }
}

import { Duration, Fn, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  type CfnStage,
  HttpApi,
  HttpMethod,
  HttpRoute,
  HttpRouteKey,
  HttpStage,
  LogGroupLogDestination,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpJwtAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import {
  CfnUserPoolGroup,
  ClientAttributes,
  FeaturePlan,
  Mfa,
  UserPool,
  type UserPoolClient,
} from 'aws-cdk-lib/aws-cognito';
import type { CfnFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type * as Open from '../functions/api/api.lambda.ts';
import { routes } from '../functions/api/routes.ts';
import { type Capability, type Route, userGroups } from '../functions/http/route.ts';
import { groupsAccess, tableAccess } from './access.ts';
import { alarm } from './alarm.ts';
import type { Core } from './core.ts';
import { Handler, type HandlerModule } from './handler.ts';
import { isFirstDeployment } from './protection.ts';

/** The user pool: without self-registration, with a required second factor. */
export class People extends Construct {
  readonly pool: UserPool;
  readonly client: UserPoolClient;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.pool = new UserPool(this, 'Pool', {
      selfSignUpEnabled: false,
      signInAliases: { username: true, email: true },
      // `Rana` and `rana` are one person. This cannot be changed later: another value replaces the pool.
      signInCaseSensitive: false,
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
      deletionProtection: !isFirstDeployment(this),
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    this.client = this.pool.addClient('CommandLine', {
      // A public client has no secret to leak. The password is never sent (SRP).
      authFlows: { userSrp: true },
      generateSecret: false,
      disableOAuth: true,
      preventUserExistenceErrors: true,
      enableTokenRevocation: true,
      // An access token could otherwise change every attribute, such as the e-mail address that people sign in with. The
      // list may not be empty, so it names one that nothing reads.
      writeAttributes: new ClientAttributes().withStandardAttributes({ locale: true }),
      // A token is valid until it expires, even after a sign-out. The command line refreshes it by itself.
      accessTokenValidity: Duration.minutes(10),
      idTokenValidity: Duration.minutes(10),
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
}

/** The HTTP API, which requires tokens of the pool, with the routes of `api`. Capabilities add theirs with `addRoutes`. */
export class Api extends Construct {
  readonly url: string;
  readonly address: { readonly host: string; readonly stage: string };
  private readonly http: HttpApi;
  private readonly concurrency: number | undefined;
  private readonly authorizer: HttpJwtAuthorizer;

  constructor(scope: Construct, id: string, { core, people }: ApiProps) {
    super(scope, id);
    const { region } = Stack.of(this);
    this.concurrency = core.config.api.concurrency;
    this.authorizer = new HttpJwtAuthorizer(
      'Tokens',
      `https://cognito-idp.${region}.amazonaws.com/${people.pool.userPoolId}`,
      {
        jwtAudience: [people.client.userPoolClientId],
      },
    );
    this.http = new HttpApi(this, 'Http', { apiName: `broch-${core.config.environment}`, createDefaultStage: false });
    const stage = this.createStage(core);
    this.url = stage.url;
    this.address = { host: Fn.select(1, Fn.split('//', this.http.apiEndpoint)), stage: stage.stageName };
    const open = new Handler<typeof Open>(this, 'Open', {
      core,
      entry: 'api/api.lambda.ts',
      environment: {
        SERVER: stage.url,
        TABLE_NAME: tableAccess(core.table, { person: ['Query'] }),
        POOL_ID: groupsAccess(people.pool),
      },
    });
    this.limitOpenRoutes(stage, this.addRoutes(this, 'api', open));
    // All other paths: signed-in people get a problem document; for anyone else no function runs.
    new HttpRoute(this, 'Elsewhere', {
      httpApi: this.http,
      routeKey: HttpRouteKey.DEFAULT,
      integration: new HttpLambdaIntegration('elsewhere', open.fn),
      authorizer: this.authorizer,
    });
    alarm(this, 'ServerErrors', {
      topic: core.alarms,
      severity: 'critical',
      metric: this.http.metricServerError({ period: Duration.minutes(5), statistic: 'Sum' }),
      means: 'The API answered a call with a status of 500 or above.',
      check: "The API's access log for the status and the route, then the log of that route's function.",
      do: 'Correct the cause. Callers can safely repeat a call that writes, with the same Idempotency-Key.',
    });
  }

  /**
   * Adds every route of a capability (functions/api/routes.ts) to the caller's stack, with `handler` as its target. Routes
   * need a token of the pool unless they are allowed for anyone.
   */
  addRoutes(scope: Construct, capability: Capability, handler: Handler<HandlerModule>): Map<Route, HttpRoute> {
    const gatewayRoutes = new Map<Route, HttpRoute>();
    const integration = new HttpLambdaIntegration(capability, handler.fn);
    // Workflows then cannot use up what the API needs.
    if (this.concurrency !== undefined)
      (handler.fn.node.defaultChild as CfnFunction).reservedConcurrentExecutions = this.concurrency;
    for (const [name, definition] of Object.entries<Route>(routes)) {
      const { method, path, callers } = definition;
      if (definition.capability !== capability) continue;
      const route = new HttpRoute(scope, `${name[0]?.toUpperCase()}${name.slice(1)}`, {
        httpApi: this.http,
        routeKey: HttpRouteKey.with(path, HttpMethod[method]),
        integration,
        ...(callers === 'anyone' ? {} : { authorizer: this.authorizer }),
      });
      if (callers === 'anyone')
        Validations.of(route).acknowledge({
          id: 'AwsSolutions-APIG4',
          reason: 'GET /openapi.json is open to anyone: it holds the routes and nothing of any person or project.',
        });
      gatewayRoutes.set(definition, route);
    }
    return gatewayRoutes;
  }

  /** Gives every route that needs no token a small limit of its own, so that strangers cannot use up everybody's. */
  private limitOpenRoutes(stage: HttpStage, gatewayRoutes: ReadonlyMap<Route, HttpRoute>): void {
    const open = [...gatewayRoutes].filter(([{ callers }]) => callers === 'anyone');
    const limit = { ThrottlingRateLimit: 5, ThrottlingBurstLimit: 10 };
    (stage.node.defaultChild as CfnStage).routeSettings = Object.fromEntries(
      open.map(([{ method, path }]) => [`${method} ${path}`, limit]),
    );
    // The gateway refuses settings of a route that does not exist yet.
    for (const [, route] of open) stage.node.addDependency(route);
  }

  private createStage(core: Core): HttpStage {
    return new HttpStage(this, 'Stage', {
      httpApi: this.http,
      stageName: 'v1',
      autoDeploy: true,
      // Each call reads the caller's groups, and the user pool answers 50 such reads a second:
      // https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html (UserResourceRead).
      throttle: { rateLimit: 50, burstLimit: 100 },
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
  }
}

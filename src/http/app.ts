import { methodNotAllowed } from 'hono/method-not-allowed';
import type { App } from '../app.ts';
import { makeAddressList } from '../lib/address.ts';
import { makeRouter } from './env.ts';
import { makeHosts } from './hosts.ts';
import { answerErrors, unknownRoute, wrongMethod } from './middleware/answer-errors.ts';
import { authenticate } from './middleware/authenticate.ts';
import { checkHost } from './middleware/check-host.ts';
import { checkOrigin } from './middleware/check-origin.ts';
import { logRefusals } from './middleware/log-refusals.ts';
import { measure } from './middleware/measure.ts';
import { readBody } from './middleware/read-body.ts';
import { requireReady } from './middleware/require-ready.ts';
import { secureHeaders } from './middleware/secure-headers.ts';
import { describeApi } from './openapi.ts';
import { type HttpParts, makeHttpParts } from './parts.ts';
import { agentRoutes } from './routes/agents.ts';
import { dashboardRoutes } from './routes/dashboard.ts';
import { decisionRoutes } from './routes/decision.ts';
import { eventStreamRoute } from './routes/event-stream.ts';
import { eventRoutes } from './routes/events.ts';
import { figureRoutes } from './routes/figures.ts';
import { fileRoutes } from './routes/files.ts';
import { fleetRoutes } from './routes/fleet.ts';
import { keyRoutes } from './routes/keys.ts';
import { mcpRoute } from './routes/mcp.ts';
import { metricsRoute } from './routes/metrics.ts';
import { missionRoutes } from './routes/missions.ts';
import { olderFileRoutes } from './routes/older-files.ts';
import { openapiRoute } from './routes/openapi.ts';
import { operationRoutes } from './routes/operations.ts';
import { overviewRoutes } from './routes/overview.ts';
import { policyRoutes } from './routes/policy.ts';
import { proposalRoutes } from './routes/proposals.ts';
import { proposeRoute } from './routes/propose.ts';
import { reportRoute } from './routes/report.ts';
import { scheduleRoutes } from './routes/schedules.ts';
import { sessionRoutes } from './routes/session.ts';
import { statusRoute } from './routes/status.ts';
import { stepRoutes } from './routes/steps.ts';
import { verifyRoute } from './routes/verify.ts';
import { webhookRoutes } from './routes/webhooks.ts';
import { workRoutes } from './routes/work.ts';
import { workClaimRoutes } from './routes/work-claims.ts';

/** The HTTP interface. Whatever is not expressly public needs a key, also paths that do not exist. */
export function buildHttp(app: App, parts: HttpParts = makeHttpParts(app)) {
  const { config } = app;
  const hosts = makeHosts(config);
  const http = makeRouter();

  const log = app.log.child({ part: 'http' });
  const isTrustedProxy = makeAddressList(config.trustedProxies);
  http.onError(answerErrors(log, logRefusals(log, isTrustedProxy)));
  http.notFound(unknownRoute);
  http.use(measure(parts.metrics));
  http.use(secureHeaders(config.publicUrl));
  http.use(checkHost(hosts, config.port));
  http.use(checkOrigin(hosts, config.port));
  http.use(requireReady(app.isReady));
  http.use(
    authenticate({
      authenticate: app.authenticate,
      findLink: app.findLink,
      isTrustedProxy,
      failedKeys: parts.failedKeys,
      agentRequests: parts.agentRequests,
    }),
  );
  http.use(methodNotAllowed({ app: http, onMethodNotAllowed: wrongMethod }));
  http.use(readBody(config.maxRequestBytes));

  return http
    .route('/', dashboardRoutes())
    .route('/', statusRoute(app))
    .route('/', proposeRoute(app))
    .route('/', proposalRoutes(app))
    .route('/', missionRoutes(app))
    .route('/', stepRoutes(app))
    .route('/', eventStreamRoute(app, parts))
    .route('/', eventRoutes(app))
    .route('/', verifyRoute(app, parts))
    .route('/', reportRoute(app))
    .route('/', policyRoutes(app))
    .route('/', agentRoutes(app))
    .route('/', keyRoutes(app))
    .route('/', scheduleRoutes(app))
    .route('/', sessionRoutes(app))
    .route('/', fleetRoutes(app))
    .route('/', webhookRoutes(app))
    .route('/', decisionRoutes(app))
    .route('/', fileRoutes(app))
    .route('/', olderFileRoutes(app))
    .route('/', operationRoutes(app))
    .route('/', workRoutes(app, parts))
    .route('/', workClaimRoutes(app))
    .route('/', figureRoutes(app))
    .route('/', overviewRoutes(app))
    .route('/', metricsRoute(parts))
    .route(
      '/',
      mcpRoute(app, (request) => http.fetch(request, { isCounted: true })),
    )
    .route(
      '/',
      openapiRoute(() => describeApi(http)),
    );
}

export type HttpApp = ReturnType<typeof buildHttp>;

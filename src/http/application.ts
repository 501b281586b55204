/**
 * Everything but FHIR, on express: the landing page, the metrics, the authorization server and the management API. Loaded when the first such
 * request comes.
 *
 * Invariant: pages load nothing from elsewhere and run no script (Content-Security-Policy).
 */
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import helmet from 'helmet';
import { Refusal } from '../fhir/outcome.js';
import { type LandingFacts, landingPage, STYLE_HASH } from './landing-page.js';

export interface ApplicationParts {
  readonly facts: LandingFacts;
  readonly secure: boolean;
  /** Prometheus text of this process, or of all workers. */
  readonly metrics: () => Promise<{ readonly type: string; readonly text: string }>;
  /** Answers below /auth, which the URL no longer begins with; undefined: there is nothing. */
  readonly authorize: ((request: Request, response: Response) => Promise<void>) | undefined;
  /** Answers below /admin, likewise. */
  readonly administer: ((request: Request, response: Response) => Promise<void>) | undefined;
  /** Names the route for logs and metrics. */
  readonly onRoute: (request: Request, route: string) => void;
  /** Answers with an OperationOutcome. */
  readonly refuse: (request: Request, error: unknown) => void;
}

export function application(parts: ApplicationParts): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(protection(parts.secure));
  const page = landingPage(parts.facts);
  app.get('/', (request, response) => {
    parts.onRoute(request, 'landing-page');
    response.set('cache-control', 'no-cache').type('html').send(page);
  });
  app.get('/metrics', async (request, response) => {
    parts.onRoute(request, 'metrics');
    const { type, text } = await parts.metrics();
    response.set('cache-control', 'no-store').set('content-type', type).send(text);
  });
  app.all(['/', '/metrics'], (request) => {
    throw new Refusal(
      'method-not-allowed',
      `${request.method} is not for this path, which takes GET, HEAD.`,
      {
        allow: 'GET, HEAD',
      },
    );
  });
  const { authorize, administer } = parts;
  if (authorize !== undefined) {
    app.use('/auth', async (request, response) => {
      parts.onRoute(request, 'auth');
      await authorize(request, response);
    });
  }
  if (administer !== undefined) {
    app.use('/admin', async (request, response) => {
      parts.onRoute(request, 'admin');
      await administer(request, response);
    });
  }
  app.use(() => {
    throw new Refusal(
      'unknown-route',
      'Nothing is here: the FHIR base is /fhir, and / says where everything is.',
    );
  });
  // Express knows an error handler by its four parameters.
  app.use((error: unknown, request: Request, _response: Response, _next: NextFunction) => {
    parts.refuse(request, isBadRequest(error) ? badUrl() : error);
  });
  return app;
}

/** Express throws these for a path that is not percent-encoded UTF-8. */
function isBadRequest(error: unknown): boolean {
  return error instanceof URIError || (error instanceof Error && 'status' in error && error.status === 400);
}

function badUrl(): Refusal {
  return new Refusal('malformed-request', 'The URL is not percent-encoded UTF-8.');
}

function protection(secure: boolean): ReturnType<typeof helmet> {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        styleSrc: [STYLE_HASH],
        imgSrc: ['data:'],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    strictTransportSecurity: secure,
  });
}

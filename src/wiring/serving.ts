/**
 * `fairway serve`: one process that answers, or a primary and its workers on one store.
 *
 * Invariant: migration, reindexing and the demo population happen once, before or outside the workers; every way to
 * stop finishes requests, closes the store and then ends.
 */
import cluster from 'node:cluster';
import { readFileSync } from 'node:fs';
import type { Authorization } from '../authorization/authorization.js';
import { type Config, ConfigError, publicUrl } from '../config.js';
import { adminDoor } from '../http/admin-door.js';
import { authorizeDoor } from '../http/authorize-door.js';
import { type Entrance, openEntrance } from '../http/entrance.js';
import { freePort } from '../http/free-port.js';
import { isLoopback } from '../http/loopback.js';
import type { Metrics } from '../http/metrics.js';
import { keepTicksQuick } from '../http/next-tick.js';
import { Primary } from '../http/primary.js';
import { RequestMeter } from '../http/request-meter.js';
import { FairwayServer } from '../http/server.js';
import { tellOfJobs, WorkerChannel } from '../http/worker.js';
import { compiledConditions } from './access-check.js';
import type { openAuthorization } from './authorization.js';
import { DemoPopulation } from './demo-population.js';
import { JobProcesses } from './job-processes.js';
import { endOnDefect, openLog, type ProcessLog } from './process-log.js';
import { openTenant, type Tenant } from './tenant.js';

const LOOK_FOR_JOBS_MILLISECONDS = 60_000;

export interface ServeParts {
  readonly config: Config;
  /** To be said at the start. */
  readonly warnings: readonly string[];
  /** What this program is started with to load the demo population. */
  readonly demoWords: readonly string[];
  /** What this program is started with to work on jobs. */
  readonly jobWords: readonly string[];
}

/** Resolves with the exit code when the server has stopped. */
export async function serve({ config: asked, warnings, demoWords, jobWords }: ServeParts): Promise<number> {
  refuseUnnamed(asked);
  await keepTicksQuick();
  const config = asked.port === 0 ? { ...asked, port: await freePort(asked.host) } : asked;
  const log = openLog(config.logLevel, 1);
  // Before anything is open, and told once: workers need not say it again.
  if (cluster.isPrimary && config.auth === 'smart') await compiledConditions(config);
  if (cluster.isPrimary) for (const warning of warnings) log.warn({}, warning);
  endOnDefect(log);
  const demo = new DemoPopulation(demoWords, log);
  if (cluster.isWorker) return answerRequests(config, log, 'worker', demo, tellOfJobs);
  const jobs = new JobProcesses({ count: config.jobProcesses, words: jobWords, log });
  try {
    return await (config.workers > 1
      ? superviseWorkers(config, log, demo, () => jobs.wake())
      : answerRequests(config, log, 'alone', demo, () => jobs.wake()));
  } finally {
    await jobs.stop();
  }
}

/** Tokens are bound to the URL that clients know: where it cannot be told from the address, it must be said. */
function refuseUnnamed({ auth, host, publicUrl: url, trustProxy }: Config): void {
  if (auth !== 'smart' || url !== undefined || (isLoopback(host) && !trustProxy)) return;
  throw new ConfigError([
    'FAIRWAY_PUBLIC_URL is missing: with FAIRWAY_AUTH=smart tokens are bound to the URL by which clients reach this ' +
      'server. Set it, such as https://fhir.example.org.',
  ]);
}

async function superviseWorkers(
  config: Config,
  log: ProcessLog,
  demo: DemoPopulation,
  wake: () => void,
): Promise<number> {
  const { workers, shutdownTimeLimit } = config;
  const primary = new Primary({
    workers,
    log,
    shutdownTimeLimit,
    environment: { FAIRWAY_PORT: String(config.port) },
    onListening: () => announce(config, log),
    onJobs: wake,
  });
  onStop(['SIGTERM', 'SIGINT'], () => {
    demo.stop();
    primary.stop();
  });
  const tenant = await openTenant(config, log);
  const wanted = config.demo && (await demo.isWanted(tenant));
  await tenant.store.close();
  if (wanted) await demo.load();
  return primary.run();
}

async function answerRequests(
  config: Config,
  log: ProcessLog,
  role: 'alone' | 'worker',
  demo: DemoPopulation,
  wake: () => void,
): Promise<number> {
  const stopped = new Promise<void>((resolve) => {
    // A terminal sends SIGINT to workers too; their primary hears it and tells them when to stop.
    onStop(role === 'worker' ? ['SIGTERM'] : ['SIGTERM', 'SIGINT'], resolve);
    if (role === 'worker') process.on('SIGINT', () => undefined);
  });
  const tenant = await openTenant(config, log, wake);
  const wanted = role === 'alone' && config.demo && (await demo.isWanted(tenant));
  const authorization = config.auth === 'smart' ? await authorizationOf(config, tenant, log) : undefined;
  const server = await listening(config, log, role, tenant, demo, authorization);
  if (role === 'alone') announce(config, log);
  followFullText(tenant, log);
  tenant.parts.auditing?.wake(); // of what was recorded before the last end there may be no events yet
  if (authorization !== undefined) makeFirstKey(authorization, log);
  const loading = wanted ? demo.load() : undefined;
  const lookingForJobs = lookForJobs(tenant);
  const sources = await sourcesOf(config, tenant);
  await stopped;
  clearInterval(lookingForJobs);
  await sources?.stop();
  demo.stop();
  await Promise.all([server.close(), loading]);
  await tenant.parts.auditing?.stop();
  await tenant.store.close();
  log.info({}, 'stopped');
  return 0;
}

/** What a server in open mode does not need is not loaded: the server is there the sooner. */
async function authorizationOf(...parts: Parameters<typeof openAuthorization>): Promise<Authorization> {
  const { openAuthorization } = await import('./authorization.js');
  return openAuthorization(...parts);
}

async function sourcesOf(config: Config, tenant: Tenant): Promise<{ stop(): Promise<void> } | undefined> {
  if (Object.keys(config.sources).length === 0) return undefined;
  const { followSources } = await import('./sources.js');
  return followSources(config, tenant);
}

/** What was loaded while no server ran becomes searchable by its words before anybody asks. */
function followFullText({ store }: Tenant, log: ProcessLog): void {
  store.followFullText().catch((error: unknown) => {
    // It goes on with the next write or search; a server that stops meanwhile is one cause.
    log.warn(
      { error: error instanceof Error ? error.message : String(error) },
      'the full-text index is behind',
    );
  });
}

/** What was left of jobs before this start, by another process that died, or by the passing of time. */
function lookForJobs({ parts: { jobs } }: Tenant): NodeJS.Timeout {
  const look = async (): Promise<void> => {
    if (await jobs.store.hasWork()) jobs.wake();
  };
  void look();
  return setInterval(() => void look(), LOOK_FOR_JOBS_MILLISECONDS).unref();
}

/** So that whoever signs in first need not wait for it. */
function makeFirstKey(authorization: Authorization, log: ProcessLog): void {
  authorization.prepare().catch((error: unknown) => {
    log.error({ error: error instanceof Error ? error.message : String(error) }, 'there is no signing key');
  });
}

async function listening(...parts: Parameters<typeof makeServer>): Promise<FairwayServer> {
  const [, , , { store }] = parts;
  try {
    const server = makeServer(...parts);
    await server.listen();
    return server;
  } catch (error) {
    await store.close();
    throw error;
  }
}

function makeServer(
  config: Config,
  log: ProcessLog,
  role: 'alone' | 'worker',
  tenant: Tenant,
  demo: DemoPopulation,
  authorization: Authorization | undefined,
): FairwayServer {
  const { parts } = tenant;
  const meter = new RequestMeter();
  return new FairwayServer({
    settings: config,
    tls: readTls(config),
    tenants: [parts],
    entrance: entranceOf(authorization),
    log,
    meter,
    readiness: async () => {
      await parts.backend.position();
      return { ready: true, notes: config.demo ? { demo: demo.state } : {} };
    },
    application: {
      facts: { fhirBase: parts.baseUrl, version: parts.settings.softwareVersion, auth: config.auth },
      metrics: metricsOf(meter, role),
      authorize: authorizeDoor(authorization, config.trustProxy),
      administer: adminDoor(authorization, config.trustProxy),
    },
  });
}

function readTls({ tlsCert, tlsKey }: Config): { cert: string; key: string } | undefined {
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  return { cert: readPem(tlsCert, 'FAIRWAY_TLS_CERT'), key: readPem(tlsKey, 'FAIRWAY_TLS_KEY') };
}

function readPem(file: string, variable: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new ConfigError([`${file} cannot be read (${code}): check ${variable}.`]);
  }
}

function entranceOf(authorization: Authorization | undefined): Entrance {
  return authorization === undefined
    ? openEntrance('open mode')
    : { kind: 'tokens', authority: authorization };
}

/** prom-client is loaded with the first scrape, which comes after the first requests. */
function metricsOf(
  meter: RequestMeter,
  role: 'alone' | 'worker',
): () => Promise<{ type: string; text: string }> {
  let metrics: Promise<Metrics> | undefined;
  const own = (): Promise<Metrics> => {
    metrics ??= import('../http/metrics.js').then(({ openMetrics }) => openMetrics(meter));
    return metrics;
  };
  const type = 'text/plain; version=0.0.4; charset=utf-8';
  if (role === 'alone') return async () => ({ type, text: await (await own()).text() });
  const channel = new WorkerChannel(async () => (await own()).families());
  return async () => ({ type, text: await channel.allMetrics() });
}

function announce(config: Config, log: ProcessLog): void {
  const url = publicUrl(config);
  log.info({ url, auth: config.auth, workers: config.workers, dataDir: config.dataDir }, 'listening');
  if (!process.stdout.isTTY) return;
  process.stdout.write(`\n  Fairway answers on ${url}/  (FHIR base ${url}/fhir)\n`);
  if (config.auth === 'open') {
    process.stdout.write(
      '  Open mode: every program of this machine may read and write. Not for patients.\n',
    );
  }
  process.stdout.write('  Stop with Ctrl-C.\n\n');
}

function onStop(signals: readonly NodeJS.Signals[], stop: () => void): void {
  for (const signal of signals) process.on(signal, stop);
}

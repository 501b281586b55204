/** For tests of this room: the real server on a real store and a free port of this machine. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Authorization } from '../authorization/authorization.js';
import type { HashCost } from '../authorization/clients/secret.js';
import { silentLogger } from '../base/log.js';
import { type Config, readConfig } from '../config.js';
import type { Fetcher } from '../net/fetcher.js';
import { openAuthorization } from '../wiring/authorization.js';
import { openTenant, type Tenant } from '../wiring/tenant.js';
import { adminDoor } from './admin-door.js';
import { authorizeDoor } from './authorize-door.js';
import { openEntrance } from './entrance.js';
import { freePort } from './free-port.js';
import { openMetrics } from './metrics.js';
import { RequestMeter } from './request-meter.js';
import { FairwayServer } from './server.js';

/** Passwords of tests are no secrets, and are tried often. */
const CHEAP: HashCost = { memory: 1_024, rounds: 1 };

export interface TestServer {
  readonly url: string;
  readonly port: number;
  readonly tenant: Tenant;
  readonly server: FairwayServer;
  /** With FAIRWAY_AUTH=smart. */
  readonly authorization: Authorization | undefined;
  stop(): Promise<void>;
}

export async function startServer(settings: Partial<Config> = {}, fetcher?: Fetcher): Promise<TestServer> {
  const dataDir = mkdtempSync(join(tmpdir(), 'fairway-http-'));
  const port = settings.port ?? (await freePort('127.0.0.1'));
  const defaults = readConfig(undefined, { FAIRWAY_AUTH: 'open', FAIRWAY_SHUTDOWN_TIME_LIMIT: '2000' });
  const url = `http://127.0.0.1:${port}`;
  const named = settings.auth === 'smart' ? { publicUrl: url } : {};
  const config: Config = { ...defaults, port, dataDir, ...named, ...settings };
  const tenant = await openTenant(config, silentLogger);
  const authorization =
    config.auth === 'smart'
      ? await openAuthorization(config, tenant, silentLogger, fetcher, CHEAP)
      : undefined;
  const meter = new RequestMeter();
  const metrics = openMetrics(meter);
  const server = new FairwayServer({
    settings: config,
    tls: undefined,
    tenants: [tenant.parts],
    entrance:
      authorization === undefined ? openEntrance('test') : { kind: 'tokens', authority: authorization },
    log: { ...silentLogger, everyRequest: false },
    meter,
    readiness: async () => {
      await tenant.parts.backend.position();
      return { ready: true, notes: {} };
    },
    application: {
      facts: { fhirBase: tenant.parts.baseUrl, version: 'test', auth: 'open' },
      metrics: async () => ({ type: 'text/plain', text: await metrics.text() }),
      authorize: authorizeDoor(authorization, config.trustProxy),
      administer: adminDoor(authorization, config.trustProxy),
    },
  });
  await server.listen();
  return {
    url,
    port,
    authorization,
    tenant,
    server,
    stop: async () => {
      await server.close();
      await tenant.parts.auditing?.stop();
      await tenant.store.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** What the server answers to these bytes until it closes, or until `enough` says so. */
export function raw(
  port: number,
  bytes: string | Buffer,
  enough: (text: string) => boolean = () => false,
): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (enough(text)) socket.destroy();
    });
    socket.on('error', (error) => (text === '' ? reject(error) : resolve(text)));
    socket.on('close', () => resolve(text));
  });
}

/** Status, headers by lower-case name, body of the first answer in a text. */
export function parseAnswer(text: string): {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
} {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [line = '', ...fields] = head.split('\r\n');
  const headers = fields.map((field): [string, string] => {
    const colon = field.indexOf(':');
    return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
  });
  return { status: Number(line.split(' ')[1]), headers: new Map(headers), body: rest.join('\r\n\r\n') };
}

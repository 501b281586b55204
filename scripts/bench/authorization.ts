/**
 * What access by tokens costs: reads and searches of a patient's app beside the same requests to an open server on the same
 * store, and how many tokens a core exchanges for assertions.
 *
 * Invariant: both servers run the same build on the same store, in turn in one run; each assertion is used once.
 */
import { spawn } from 'node:child_process';
import { createHash, generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { importPKCS8, SignJWT } from 'jose';
import { Browsing, type Left, type Shown } from '#src/authorization/browsing/testing.js';
import { freePort, type ServerProcess, startFairway } from '../processes.js';
import { demoData, loadFolder } from './load.js';
import { cpuSeconds, median, quantile, type Row, rate } from './measure.js';
import { type LoadResult, load } from './requests.js';

/** Two processes that run the same code differ by up to a quarter, all of it alike: each comparison is made with so many pairs of them. */
const PAIRS = 5;
/** Short ones in turn, many: a machine that others use changes its pace within seconds. */
const ROUNDS = 5;
const SECONDS = 1.5;
/**
 * Before a round that counts: what a server does while nothing is asked of it has then ended, and what the engine forgot
 * meanwhile is compiled again, which takes it a second.
 */
const RUN_UP_SECONDS = 1.5;
/** Before rounds are counted each server answers so many, or for so long: a machine that stands still warms up slowly. */
const WARM_REQUESTS = 5_000;
const WARM_ROUNDS = 12;
const WARM_SECONDS = 5;
/** Batches of exchanges that are not counted. */
const WARM = 4;
const CONNECTIONS = 32;
const PATIENTS = 200;
const EXCHANGES = 2_000;
/** Of a round. */
const BATCH = 50;
const BEST = 0.9;
const BAR = 0.8;
const ASSERTION_BYTES = 300;
const VERIFICATIONS = 30;
/** Assertions that are on their way at once. */
const AT_ONCE = 16;
const BACK = 'http://127.0.0.1:9/back';
const PASSWORD = 'correct horse battery';

export async function authorizationRows(scratch: string, dir: string): Promise<readonly Row[]> {
  const dataDir = join(scratch, 'authorization');
  const folder = join(dir, 'small');
  await demoData(folder, PATIENTS, 'ndjson');
  await loadFolder(dataDir, folder);
  const patient = firstPatient(folder);
  const cases: readonly Case[] = [
    { name: 'read by a patient’s app', path: `/fhir/Patient/${patient}`, rounds: [] },
    {
      name: 'search by a patient’s app: observations of a category',
      path: `/fhir/Observation?patient=${patient}&category=laboratory&_sort=-date&_count=20`,
      rounds: [],
    },
    {
      name: 'search by a patient’s app: all its conditions',
      path: `/fhir/Condition?patient=${patient}`,
      rounds: [],
    },
  ];
  const port = String(await freePort());
  const startSmart = (): Promise<ServerProcess> =>
    startFairway(dataDir, {
      FAIRWAY_AUTH: 'smart',
      FAIRWAY_PORT: port,
      FAIRWAY_PUBLIC_URL: `http://127.0.0.1:${port}`,
    });
  const first = await startSmart();
  const token = await patientToken(first, dataDir, patient);
  await first.stop();
  for (let pair = 0; pair < PAIRS; pair++) {
    const [open, smart] = [await startFairway(dataDir), await startSmart()];
    // Whoever signs in leaves their mark on a process.
    await openPages(smart);
    for (const each of cases) await compare(each, { open, smart, token });
    await open.stop();
    await smart.stop();
  }
  const smart = await startSmart();
  const exchanges = await exchangeRow(smart, dataDir);
  await smart.stop();
  return [...cases.map(comparedRow), exchanges];
}

interface Case {
  readonly name: string;
  readonly path: string;
  readonly rounds: Compared[];
}

/** Requests per CPU-second of one round. */
interface Compared {
  readonly ours: number;
  readonly theirs: number;
}

interface Servers {
  readonly open: ServerProcess;
  readonly smart: ServerProcess;
  readonly token: string;
}

function firstPatient(folder: string): string {
  const [line = ''] = readFileSync(join(folder, 'Patient.ndjson'), 'utf8').split('\n', 1);
  return (JSON.parse(line) as { id: string }).id; // written by our own generator
}

async function compare({ path, rounds }: Case, { open, smart, token }: Servers): Promise<void> {
  const headers = { authorization: `Bearer ${token}` };
  await warm(smart, path, headers);
  await warm(open, path, {});
  for (let round = 0; round < ROUNDS; round++) {
    const ours = await perCpuSecond(smart, path, headers);
    const theirs = await perCpuSecond(open, path, {});
    rounds.push({ ours, theirs });
  }
}

function comparedRow({ name, rounds }: Case): Row {
  const [ours, theirs] = [rounds.map((round) => round.ours), rounds.map((round) => round.theirs)];
  const ratio = median(rounds.map((round) => round.ours / round.theirs));
  const best = quantile(ours, BEST) / quantile(theirs, BEST);
  const atBest = `the best tenth of ${rounds.length} rounds: ${rate(quantile(ours, BEST))} (${best.toFixed(2)})`;
  return {
    measure: `${name}, requests per CPU-second`,
    value: `${rate(median(ours))} (${ratio.toFixed(2)}); ${atBest}`,
    against: `the same without authorization, ${rate(median(theirs))}; the best tenth: ${rate(quantile(theirs, BEST))}`,
    bar: { text: '≥ 0.8', met: ratio >= BAR, metAtBest: best >= BAR },
  };
}

type Headers = Readonly<Record<string, string>>;

/** Both servers are to run compiled code. */
async function warm(server: ServerProcess, path: string, headers: Headers): Promise<void> {
  let answered = 0;
  for (let round = 0; round < WARM_ROUNDS && answered < WARM_REQUESTS; round++) {
    const { perSecond } = await asked(server, path, headers, WARM_SECONDS);
    answered += perSecond * WARM_SECONDS;
  }
}

async function perCpuSecond(server: ServerProcess, path: string, headers: Headers): Promise<number> {
  await asked(server, path, headers, RUN_UP_SECONDS);
  return (await asked(server, path, headers, SECONDS)).perCpuSecond;
}

async function openPages(server: ServerProcess): Promise<void> {
  await new Browsing(server.url).open(`${server.url}/auth/apps`);
}

async function asked(
  server: ServerProcess,
  path: string,
  headers: Headers,
  seconds: number,
): Promise<LoadResult> {
  const requests = [{ method: 'GET', path }] as const;
  const result = await load(server, { seconds, connections: CONNECTIONS, requests, headers });
  if (result.failed > 0) throw new Error(`${result.failed} requests to ${path} failed`);
  return result;
}

/** By the pages: sign-in and consent, as a person would. */
async function patientToken(server: ServerProcess, dataDir: string, patient: string): Promise<string> {
  await fairway(dataDir, ['user', 'add', '--login', 'ada', '--fhir-user', `Patient/${patient}`], PASSWORD);
  const scope = 'launch/patient patient/*.rs';
  const added = await fairway(dataDir, [
    ...['client', 'add', '--type', 'public', '--name', 'Bench', '--redirect-uri', BACK],
    ...['--scope', scope, '--json'],
  ]);
  const { client_id: client } = JSON.parse(added) as { client_id: string }; // of our own command
  const verifier = randomBytes(32).toString('base64url');
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: client,
    redirect_uri: BACK,
    scope,
    state: 'bench',
    aud: `${server.url}/fhir`,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const browser = new Browsing(server.url);
  await browser.open(`${server.url}/auth/authorize?${query}`);
  await browser.send({ login: 'ada', password: PASSWORD });
  const code = codeOf(await browser.send({ decision: 'allow', scope: ['patient/*.rs'] }));
  return tokenOf(
    await askToken(server, {
      grant_type: 'authorization_code',
      code,
      redirect_uri: BACK,
      client_id: client,
      code_verifier: verifier,
    }),
  );
}

function codeOf(shown: Shown | Left): string {
  const code = 'left' in shown ? shown.left.searchParams.get('code') : null;
  if (code === null) throw new Error('the app was not allowed');
  return code;
}

async function askToken(server: ServerProcess, form: Readonly<Record<string, string>>): Promise<unknown> {
  const answer = await fetch(`${server.url}/auth/token`, {
    method: 'POST',
    body: new URLSearchParams(form),
  });
  const told: unknown = await answer.json();
  if (answer.status !== 200) throw new Error(`the token endpoint answered ${JSON.stringify(told)}`);
  return told;
}

function tokenOf(answer: unknown): string {
  return (answer as { access_token: string }).access_token; // https://www.rfc-editor.org/rfc/rfc6749#section-5.1
}

async function exchangeRow(server: ServerProcess, dataDir: string): Promise<Row> {
  const assertions = await makeAssertions(server, dataDir);
  const exchange = async (clientAssertion: string): Promise<void> => {
    await askToken(server, {
      grant_type: 'client_credentials',
      scope: 'system/*.rs',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: clientAssertion,
    });
  };
  const all = async (batch: string[]): Promise<void> => {
    const worker = async (): Promise<void> => {
      for (let next = batch.pop(); next !== undefined; next = batch.pop()) await exchange(next);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  };
  await all(assertions.splice(0, WARM * BATCH));
  const rates: number[] = [];
  while (assertions.length >= BATCH) {
    const before = cpuSeconds(server.pid);
    await all(assertions.splice(0, BATCH));
    rates.push(BATCH / (cpuSeconds(server.pid) - before));
  }
  const [middle, best] = [median(rates), quantile(rates, BEST)];
  const bare = Array.from({ length: rates.length }, verificationsPerCpuSecond);
  return {
    measure: 'tokens for assertions of a service (ES384), per CPU-second',
    value: `${rate(middle)} (${(middle / median(bare)).toFixed(2)}); the best tenth of ${rates.length} rounds: ${rate(best)}`,
    against: `bare verification of such signatures, ${rate(median(bare))}; the best tenth: ${rate(quantile(bare, BEST))}`,
    bar: { text: '≥ 150', met: middle >= 150, metAtBest: best >= 150 },
  };
}

/** What each exchange needs at least: one signature of an assertion's size is verified. */
function verificationsPerCpuSecond(): number {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const text = randomBytes(ASSERTION_BYTES);
  const signature = sign('sha384', text, privateKey);
  const before = process.cpuUsage();
  for (let turn = 0; turn < VERIFICATIONS; turn++) verify('sha384', text, publicKey, signature);
  const { user, system } = process.cpuUsage(before);
  return VERIFICATIONS / ((user + system) / 1e6);
}

async function makeAssertions(server: ServerProcess, dataDir: string): Promise<string[]> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const jwks = join(dataDir, 'bench-keys.json');
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'bench', alg: 'ES384', use: 'sig' };
  writeFileSync(jwks, JSON.stringify({ keys: [jwk] }));
  const added = await fairway(dataDir, [
    ...['client', 'add', '--type', 'backend', '--name', 'Service', '--jwks', jwks],
    ...['--scope', 'system/*.rs', '--json'],
  ]);
  const { client_id: id } = JSON.parse(added) as { client_id: string }; // of our own command
  const key = await importPKCS8(privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(), 'ES384');
  const exp = Math.floor(Date.now() / 1_000) + 290;
  return Promise.all(
    Array.from({ length: EXCHANGES }, (_, at) =>
      new SignJWT({ iss: id, sub: id, aud: `${server.url}/auth/token`, jti: `bench-${at}`, exp })
        .setProtectedHeader({ alg: 'ES384', kid: 'bench', typ: 'JWT' })
        .sign(key),
    ),
  );
}

/** A command beside the running server; resolves with what it printed. */
async function fairway(dataDir: string, args: readonly string[], password?: string): Promise<string> {
  const typed = password === undefined ? [] : ['--password-stdin'];
  const child = spawn(process.execPath, ['dist/bundle/main.js', ...args, ...typed], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, FAIRWAY_AUTH: 'smart', FAIRWAY_DATA_DIR: dataDir },
  });
  child.stdin.end(password);
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  const [status] = await once(child, 'exit');
  if (status !== 0) throw new Error(`fairway ${args.slice(0, 2).join(' ')} ended with ${status}`);
  return printed;
}

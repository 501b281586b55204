/**
 * The leak hunt: random grants ask random requests of a random population, and a naive checker looks at every answer.
 * `FAIRWAY_TEST_LEAKS` and `FAIRWAY_TEST_SEED` make more of them, and others.
 *
 *   no secret      of a version that the grant does not let be seen is anywhere in the answer, headers included
 *   no resource    is in it, whole or in part, that may not be seen
 *   each total     is the number of those that may be seen
 *   each write     that went in was permitted as what it turned out to be
 *   each twin      a request on what is hidden is answered like the same request on what is not there
 *   each line      of each file that a job leaves holds what an answer may hold; of an export all that a search would find
 *   each door      of the router's table is gone through, or there is a reason why not (doors/)
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { accessOf } from '../../access/grant-access.js';
import type { JsonValue } from '../../fhir/format/json.js';
import { Dice } from '../../ports/dice.js';
import { writeResourceScope } from '../../smart/scope.js';
import { type Answer, BASE, openWorld, START, type World } from '../testing.js';
import { Checker, isRecordType, type Letter } from './checker/testing.js';
import { Chronicle, secretsIn, type Version } from './chronicle/testing.js';
import { allDoors, doorsOf, NOT_HUNTED } from './doors/testing.js';
import { anyHolder, type Holder } from './grants/testing.js';
import { type AskedJob, anyJob, carriedOut, type Done, everyJob, namedIn } from './jobs/testing.js';
import { type Asked, type Asking, anyRequest, everyRequest, twinRequests } from './requests/testing.js';
import {
  anyId,
  anyResource,
  anyType,
  PATIENTS,
  PRACTITIONERS,
  Secrets,
  type Tree,
  TYPES,
} from './ward/testing.js';

const requests = Number(process.env.FAIRWAY_TEST_LEAKS ?? 20_000);
const seed = Number(process.env.FAIRWAY_TEST_SEED ?? 20_240_101);
const PATIENCE_MILLISECONDS = 2_400_000;
const REQUESTS_PER_GRANT = 25;
const ROUNDS_OF_WRITING = 220;

describe.each([
  ['references lead anywhere', false, seed, 0.75],
  ['references are checked', true, seed + 1, 0.25],
])('where %s', (_name, checkReferences, own, share) => {
  let hunt: Hunt;

  beforeAll(async () => {
    hunt = await openHunt(own, checkReferences);
  });
  afterAll(() => hunt.world.close());

  test(
    `nothing leaks in ${Math.ceil(requests * share)} requests (seed ${own})`,
    async () => {
      const wanted = Math.ceil(requests * share);
      let asked = 0;
      while (asked < wanted) asked += await oneGrant(hunt, Math.min(REQUESTS_PER_GRANT, wanted - asked));
    },
    PATIENCE_MILLISECONDS,
  );
});

test('the hunt goes through every door that there is, or says why not', async () => {
  const world = await openWorld();
  const asking: Asking = { dice: new Dice(seed), secrets: new Secrets() };
  const { definitions } = world.context.knowledge;
  await world.close();
  // Chance chooses between some of them.
  const lines = Array.from({ length: 40 }, () => [...everyRequest(asking), ...everyJob(asking)])
    .flat()
    .map(({ line }) => line);
  // What every job is asked for; see carriedOut.
  lines.push('GET _jobs/1', 'GET _jobs/1/file', 'DELETE _jobs/1');

  const gone = new Set(lines.flatMap((line) => doorsOf(line, definitions)));

  const missing = allDoors().filter((door) => !gone.has(door) && !Object.hasOwn(NOT_HUNTED, door));
  expect(missing, 'doors that the hunt does not know').toEqual([]);
  const needless = Object.keys(NOT_HUNTED).filter((door) => gone.has(door) || !allDoors().includes(door));
  expect(needless, 'reasons that are none any more').toEqual([]);
});

interface Hunt extends Asking {
  /** Both see everything; one of them checks references where that is the setting. */
  readonly world: World;
  readonly open: World;
  readonly chronicle: Chronicle;
  readonly seed: number;
}

async function openHunt(own: number, checkReferences: boolean): Promise<Hunt> {
  const open = await openWorld({ conditionalDeleteLimit: 3 });
  const hunt: Hunt = {
    open,
    world: open.with({ checkReferences }),
    chronicle: new Chronicle(open),
    seed: own,
    dice: new Dice(own),
    secrets: new Secrets(),
  };
  for (const id of PATIENTS) await put('Patient', id, hunt);
  for (const id of PRACTITIONERS) await put('Practitioner', id, hunt);
  // At once, so that they share their way to the disk; each resource's versions keep their order.
  await Promise.all(Array.from({ length: ROUNDS_OF_WRITING }, () => writeSomething(hunt)));
  return hunt;
}

/** Most of it is looked for later in versions that were replaced, moved to another patient or deleted. */
async function writeSomething(hunt: Hunt): Promise<void> {
  const { dice, open } = hunt;
  const type = dice.below(2) === 0 ? anyType(dice) : dice.pick(TYPES);
  const id = anyId(type, dice);
  if (dice.below(8) === 0) await open.ask(`DELETE ${type}/${id}`);
  else await put(type, id, hunt);
}

async function put(type: string, id: string, { open, secrets, dice }: Hunt): Promise<void> {
  const { status, text } = await open.ask(`PUT ${type}/${id}`, {
    body: anyResource(type, id, secrets.next(), dice),
  });
  if (status >= 300) throw new Error(`${type} is not stored: ${text}`);
}

/** One grant and what its holder asks for; answers how many requests were made. */
async function oneGrant(hunt: Hunt, most: number): Promise<number> {
  const { dice, chronicle, world } = hunt;
  const holder = anyHolder(dice);
  const { definitions } = world.context.knowledge;
  const access = accessOf(holder.grant, { definitions, baseUrl: BASE, now: START }, holder.policies);
  const watch: Watch = { ...hunt, holder, asker: world.as(access), ignoring: new Set() };
  let asked = 0;
  while (asked < most) {
    // What was deleted or has moved away comes back, so that there is always something to find.
    if (dice.below(40) === 0) await writeSomething(hunt);
    await chronicle.follow();
    if (dice.below(200) === 0) asked += await askJob(watch);
    else if (dice.below(6) === 0) asked += await askTwins(watch);
    else asked += await askOne(anyRequest(hunt), watch);
  }
  return asked;
}

interface Watch extends Hunt {
  readonly holder: Holder;
  readonly asker: World;
  /** Versions that are not there yet in the state that the checker looks at. */
  ignoring: ReadonlySet<Version>;
}

function checkerOf(watch: Watch): Checker {
  const { holder, chronicle } = watch;
  return new Checker(holder, {
    current: (type, id) => chronicle.current(type, id, watch.ignoring),
    ofType: (type) => chronicle.ofType(type, watch.ignoring),
  });
}

async function askOne(asked: Asked, watch: Watch): Promise<number> {
  const answer = await watch.asker.ask(asked.line, asked.ask);
  const made = asked.writes ? await watch.chronicle.follow() : [];
  const now = complaints(asked, answer, made, { ...watch, ignoring: new Set() });
  // What others' visibility hangs on may have been written by this very request: before it or after it counts.
  const before =
    made.length === 0 ? now : complaints(asked, answer, made, { ...watch, ignoring: new Set(made) });
  const both = now.filter((complaint) => before.includes(complaint));
  if (both.length > 0) expect.fail(described(asked, answer, both, watch));
  return 1;
}

function described(
  { line, ask }: Asked,
  { status, headers, text }: Answer,
  found: readonly string[],
  watch: Watch,
): string {
  const { user, patient } = watch.holder.grant;
  const scopes = watch.holder.grant.scopes.map(writeResourceScope).join(' ');
  return [
    ...found,
    `seed ${watch.seed}, labels withheld from clients: ${watch.holder.discreet}`,
    `grant: ${scopes}; patient ${patient}; user ${JSON.stringify(user)}`,
    `${line} ${JSON.stringify(ask ?? {})}`,
    `${status} ${JSON.stringify(headers)} ${text.slice(0, 3_000)}`,
  ].join('\n');
}

function complaints(asked: Asked, answer: Answer, made: readonly Version[], watch: Watch): readonly string[] {
  const checker = checkerOf(watch);
  const isOwn = (version: Version) => made.includes(version);
  const maySee = (version: Version) => {
    const tree = version.tree ?? version.before;
    return isOwn(version) || (tree !== undefined && checker.mayAny(asked.by, tree));
  };
  return [
    ...(answer.status >= 500 ? [`status ${answer.status}`] : []),
    ...secretsIn(answer.text + JSON.stringify(answer.headers)).flatMap((secret) => {
      const versions = watch.chronicle.carrying(secret);
      return versions.length === 0 || versions.some(maySee) ? [] : [`shows ${secret} of ${versions[0]?.key}`];
    }),
    ...shown(answer, watch).flatMap((version) =>
      maySee(version) ? [] : [`shows ${version.key} in version ${version.versionId}`],
    ),
    ...made.flatMap((version) => (mayWrite(version, checker) ? [] : [`wrote ${version.key}`])),
    ...wrongStatus(asked, answer, checker, watch),
    ...wrongMatches(asked, answer, checker, watch),
  ];
}

function mayWrite({ tree, before }: Version, checker: Checker): boolean {
  const may = (letter: Letter, one: Tree | undefined) => one !== undefined && checker.may(letter, one);
  if (before === undefined) return may('c', tree);
  return tree === undefined ? may('d', before) : may('u', before) && may('u', tree);
}

/** The versions that an answer tells of: whole or in part, as entries without content, or by its headers. */
function shown({ headers, text }: Answer, { chronicle }: Watch): readonly Version[] {
  const found: (Version | undefined)[] = [headers.location].map((url) => byUrl(url, chronicle));
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const inner of value) visit(inner);
    if (typeof value !== 'object' || value === null) return;
    const { resourceType: type, id, meta, request, response, resource } = value as Record<string, JsonValue>;
    if (typeof type === 'string' && typeof id === 'string') {
      const versionId = (meta as { versionId?: string } | undefined)?.versionId;
      const versions = chronicle.versions(`${type}/${id}`);
      found.push(versionId === undefined ? versions.at(-1) : chronicle.version(`${type}/${id}`, versionId));
    }
    if (resource === undefined && request !== undefined && response !== undefined) {
      const { url } = request as { url: string };
      const [, versionId = ''] = /"(.*)"/.exec((response as { etag?: string }).etag ?? '') ?? [];
      found.push(chronicle.version(url, versionId));
    }
    const location = (response as { location?: string } | undefined)?.location;
    found.push(byUrl(location, chronicle));
    for (const inner of Object.values(value)) visit(inner);
  };
  if (text.startsWith('{')) visit(JSON.parse(text));
  return [...new Set(found.filter((version) => version !== undefined))];
}

function byUrl(url: string | undefined, chronicle: Chronicle): Version | undefined {
  const [, key = '', versionId = ''] = /([A-Z][A-Za-z]+\/[^/]+)\/_history\/(.+)$/.exec(url ?? '') ?? [];
  return chronicle.version(key, versionId);
}

/** A plain read is 200 for what may be read, 410 for what was deleted and could be, and nothing else. */
function wrongStatus(
  { line }: Asked,
  { status }: Answer,
  checker: Checker,
  { chronicle }: Watch,
): readonly string[] {
  const [, type, id] = /^GET ([A-Z][A-Za-z]+)\/([^/?$*]+)$/.exec(line) ?? [];
  if (type === undefined || id === undefined) return [];
  const last = chronicle.versions(`${type}/${id}`).at(-1);
  const tree = last?.tree ?? last?.before;
  const wanted =
    tree === undefined || !checker.may('r', tree) ? [403, 404] : [last?.tree === undefined ? 410 : 200];
  return wanted.includes(status) || status === 406
    ? []
    : [`status ${status} instead of ${wanted.join(' or ')}`];
}

function wrongMatches(
  { finds }: Asked,
  answer: Answer,
  checker: Checker,
  { chronicle }: Watch,
): readonly string[] {
  if (finds === undefined) return [];
  const { status } = answer;
  const wanted = chronicle
    .ofType(finds.type)
    .filter((tree) => finds.meets(tree) && checker.may('s', tree))
    .map(({ id }) => id)
    .sort();
  if (status === 403)
    return wanted.length === 0 ? [] : [`refuses what may be searched: ${wanted.join(', ')}`];
  if (status !== 200) return [`status ${status}`];
  const { json } = answer;
  const entries: readonly { resource: Tree }[] | undefined = json.entry;
  const ids = entries?.map(({ resource }) => resource.id).sort() ?? [];
  return [
    ...(json.total === wanted.length
      ? []
      : [`total ${json.total} instead of ${wanted.length}: ${wanted.join(', ')}`]),
    ...(entries === undefined || ids.join() === wanted.join()
      ? []
      : [`found ${ids.join()} instead of ${wanted.join()}`]),
  ];
}

/** A job is begun, done, and all that it leaves is looked at. */
async function askJob(watch: Watch): Promise<number> {
  const asked = anyJob(watch);
  const done = await carriedOut(asked, watch.asker);
  const made = asked.writes ? await watch.chronicle.follow() : [];
  const { begun, manifest, lines } = done;
  const answers = [begun, ...(manifest === undefined ? [] : [manifest]), ...lines.map(lineAnswer)];
  const complain = (ignoring: ReadonlySet<Version>): readonly string[] => {
    const then = { ...watch, ignoring };
    return [
      ...answers.flatMap((answer) => complaints(asked, answer, made, then)),
      ...wrongJob(asked, done, then),
    ];
  };
  const now = complain(new Set());
  const before = made.length === 0 ? now : complain(new Set(made));
  const both = now.filter((complaint) => before.includes(complaint));
  if (both.length > 0) expect.fail(described(asked, manifest ?? begun, [...both, ...lines], watch));
  return 1;
}

function lineAnswer(text: string): Answer {
  return { status: 200, headers: {}, text, bytes: Buffer.from(text), json: undefined };
}

function wrongJob(asked: AskedJob, { begun, manifest, lines }: Done, watch: Watch): readonly string[] {
  const { chronicle, ignoring } = watch;
  const checker = checkerOf(watch);
  const wanted = (types: readonly string[], meets: (tree: Tree) => boolean = () => true) =>
    types
      .flatMap((type) => chronicle.ofType(type, ignoring))
      .filter((tree) => meets(tree) && checker.may('s', tree))
      .map(({ resourceType, id }) => `${resourceType}/${id}`)
      .sort();
  const found: string[] = [];
  for (const key of lines.flatMap(namedIn)) {
    const last = chronicle.versions(key).at(-1);
    const tree = last?.tree ?? last?.before;
    if (tree !== undefined && !checker.may('s', tree)) found.push(`tells of ${key}`);
  }
  if (asked.needsAll !== undefined && begun.status === 202) {
    const record = TYPES.filter(isRecordType).flatMap((type) => chronicle.ofType(type));
    const kept = record.filter(
      (tree) => ![...(asked.needsAll ?? '')].every((letter) => checker.may(letter as Letter, tree)),
    );
    found.push(...kept.map(({ resourceType, id }) => `begins though ${resourceType}/${id} is withheld`));
  }
  if (manifest === undefined) return found;
  if (asked.counts !== undefined) {
    const { matched } = JSON.parse(manifest.text) as { readonly matched: number };
    const count = wanted([asked.counts]).length;
    if (matched !== count) found.push(`counts ${matched} instead of ${count}`);
  }
  if (asked.holds !== undefined) {
    const held = lines.map((line) => JSON.parse(line) as Tree).map((one) => `${one.resourceType}/${one.id}`);
    const all = wanted(asked.holds.types, asked.holds.meets);
    if (held.sort().join() !== all.join()) found.push(`holds ${held.join()} instead of ${all.join()}`);
  }
  return found;
}

/** The same request on something hidden and on something that never was. */
async function askTwins(watch: Watch): Promise<number> {
  const { chronicle, dice, secrets, asker } = watch;
  const checker = checkerOf(watch);
  const key = dice.pick(chronicle.keys());
  const isHidden = chronicle
    .versions(key)
    .every(({ tree }) => tree === undefined || !checker.mayAny('rsud', tree));
  const [type = '', hidden = ''] = key.split('/');
  if (!isHidden || hidden.length > 30) return askOne(anyRequest(watch), watch);
  const absent = 'x'.repeat(hidden.length);
  const [start, secret] = [dice.below(1_000_000), secrets.next()];
  const requestsOn = (id: string) =>
    twinRequests(type, id, { dice: new Dice(start), secrets: { next: () => secret } });
  const [first, second] = [requestsOn(hidden), requestsOn(absent)];
  const at = dice.below(first.length);
  // Chance may have put the hidden one into the body too.
  const [one, other] = [first[at] as Asked, renamed(second[at] as Asked, hidden, absent)];
  const answer = await asker.ask(one.line, one.ask);
  const twin = await asker.ask(other.line, other.ask);
  const plain = (text: string) => normalised(text, hidden, absent);
  const [left, right] = [answer, twin].map(({ status, headers, text }) => [
    status,
    plain(JSON.stringify(headers)),
    plain(text),
  ]);
  const differs =
    JSON.stringify(left) === JSON.stringify(right)
      ? []
      : [`tells ${key} from what is not there: ${JSON.stringify(right)}`];
  const made = await chronicle.follow();
  const wrote = made.flatMap((version) => (mayWrite(version, checker) ? [] : [`wrote ${version.key}`]));
  if (differs.length + wrote.length > 0) expect.fail(described(one, answer, [...differs, ...wrote], watch));
  return 2;
}

/** Another id wherever the one stands. */
function renamed(asked: Asked, from: string, to: string): Asked {
  return JSON.parse(JSON.stringify(asked).replaceAll(wordOf(from), to)) as Asked; // plain data
}

function wordOf(id: string): RegExp {
  return new RegExp(`(?<![A-Za-z0-9-])${id}(?![A-Za-z0-9-])`, 'g');
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const CURSOR = /_cursor=[A-Za-z0-9_.-]+/g;

function normalised(text: string, ...ids: readonly string[]): string {
  const named = ids.reduce((so, id) => so.replaceAll(wordOf(id), 'ID'), text);
  return named.replace(UUID, 'UUID').replace(CURSOR, 'CURSOR');
}

/** All Synthea bundles load without refusal into a running server, and come back as they were. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { isObject, type ResourceObject } from '#src/fhir/format/json.js';
import { parseJson } from '#src/fhir/format/parse.js';
import type { Check } from './check.js';
import { contents, type Member } from './content.js';
import { filesBelow, readResource } from './input.js';

interface Entry {
  readonly fullUrl?: string;
  readonly resource: ResourceObject;
  readonly request?: { readonly method: string; readonly url: string; readonly ifNoneExist?: string };
}

/** The entries of one folder's bundles; an entry created only if none exists counts once for its condition. */
function membersOf(files: readonly string[]): {
  members: readonly Member[];
  find: (condition: string) => Member | undefined;
} {
  const members: Member[] = [];
  const conditional = new Map<string, Member>();
  for (const file of files) {
    // Synthea's bundles: entries have resources.
    for (const entry of readResource(file).entry as unknown as readonly Entry[]) {
      const type = entry.resource.resourceType;
      const condition =
        entry.request?.ifNoneExist === undefined ? undefined : `${type}?${entry.request.ifNoneExist}`;
      const known = condition === undefined ? undefined : conditional.get(condition);
      const names = entry.fullUrl === undefined ? [] : [entry.fullUrl];
      if (known !== undefined) {
        (known.names as string[]).push(...names); // ours, made below
        continue;
      }
      const member: Member = { resource: entry.resource, names };
      members.push(member);
      if (condition !== undefined) conditional.set(condition, member);
    }
  }
  return { members, find: (condition) => conditional.get(condition) ?? byIdentifier(members, condition) };
}

function byIdentifier(members: readonly Member[], condition: string): Member | undefined {
  const [, type, system, value] = /^(\w+)\?identifier=([^|]*)\|(.*)$/.exec(condition) ?? [];
  return members.find(
    ({ resource }) =>
      resource.resourceType === type &&
      Array.isArray(resource.identifier) &&
      resource.identifier.some((each) => isObject(each) && each.system === system && each.value === value),
  );
}

async function stored(base: string, type: string): Promise<readonly Member[]> {
  const members: Member[] = [];
  let url: string | undefined = `${base}/${type}?_count=500`;
  while (url !== undefined) {
    // A searchset of the server under test.
    const bundle = parseJson(await (await fetch(url)).text()) as unknown as {
      readonly entry?: readonly Entry[];
      readonly link: readonly { readonly relation: string; readonly url: string }[];
    };
    for (const { resource } of bundle.entry ?? [])
      members.push({ resource, names: [`${type}/${String(resource.id)}`] });
    url = bundle.link.find((link) => link.relation === 'next')?.url;
  }
  return members;
}

function tally(values: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

function typesOf(members: readonly Member[]): Map<string, number> {
  return tally(members.map((member) => member.resource.resourceType));
}

async function load(folder: string, environment: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(process.execPath, ['dist/bundle/main.js', 'load', folder], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: environment,
  });
  const [status] = await once(child, 'exit');
  return Number(status);
}

/** Loads one folder into a store of its own and compares. `environment` is that of the running server. */
export async function checkSynthea(
  check: Check,
  folder: string,
  base: string,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const files = filesBelow(folder);
  const { members, find } = membersOf(files);
  const started = performance.now();
  check.equal(await load(folder, environment), 0, `${folder}: load ends with 0, nothing refused`);
  const seconds = (performance.now() - started) / 1000;
  console.log(
    `  ${members.length} resources in ${seconds.toFixed(1)} s: ${Math.round(members.length / seconds)}/s`,
  );
  const expected = typesOf(members);
  const found: Member[] = [];
  for (const type of expected.keys()) found.push(...(await stored(base, type)));
  for (const [type, count] of expected)
    check.equal(typesOf(found).get(type) ?? 0, count, `${folder}: count of ${type}`);
  const wanted = tally(contents(members, find).values());
  const have = tally(contents(found, () => undefined).values());
  const missing = [...wanted].filter(([hash, count]) => (have.get(hash) ?? 0) < count).length;
  const extra = [...have].filter(([hash, count]) => (wanted.get(hash) ?? 0) < count).length;
  check.equal(missing, 0, `${folder}: contents that did not come back equal`);
  check.equal(extra, 0, `${folder}: contents that were not in the input`);
}

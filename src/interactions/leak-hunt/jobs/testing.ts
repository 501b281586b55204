/**
 * Requests of the leak hunt that begin jobs: exports of every kind, imports, bulk deletes, purges; each is asked for, done, and what
 * came of it fetched.
 */
import type { JsonObject } from '../../../fhir/format/json.js';
import { serialise } from '../../../fhir/format/serialise.js';
import type { Dice } from '../../../ports/dice.js';
import { type Answer, below, type World } from '../../testing.js';
import type { Asked, Asking } from '../requests/testing.js';
import { anyId, anyResource, anyType, CATEGORIES, PATIENTS, type Tree } from '../ward/testing.js';

export interface AskedJob extends Asked {
  /** What the files hold is exactly what a search finds, of these types. */
  readonly holds?: { readonly types: readonly string[]; readonly meets: (tree: Tree) => boolean };
  /** The manifest counts exactly what a search finds of this type. */
  readonly counts?: string;
  /** Is begun for those alone who may do all of it with everything of the record of every patient. */
  readonly needsAll?: string;
}

export interface Done {
  readonly begun: Answer;
  /** Undefined: it was refused. */
  readonly manifest?: Answer;
  /** What each line of each file says. */
  readonly lines: readonly string[];
}

interface Listed {
  readonly url: string;
  readonly count: number;
}

const ASYNC = { prefer: 'respond-async, handling=lenient', accept: 'application/fhir+json' };
const EVER = '_since=2020-01-01T00:00:00Z';

type Make = (asking: Asking) => AskedJob;

/** Searches that are put into `_typeFilter`, and Groups' members are told by. */
const FILTERS: readonly string[] = [
  'Observation?subject:Patient.active=true',
  'Observation?_has:Provenance:target:agent=d1',
  'Observation?encounter.subject:Patient._id=p2',
  'Observation?_list=list-1',
  'Patient?_has:Observation:subject:code=a',
  'Patient?_has:Group:member:_id=group-1',
  'Patient?link:Patient._id=p1',
  'Encounter?_has:Condition:encounter:code=a',
  'Condition?_content=pill',
];

const JOBS: readonly Make[] = [
  ({ dice }) => {
    const types = [...new Set([anyType(dice), anyType(dice), anyType(dice)])];
    return exported(`$export?_type=${types.join()}`, { holds: { types, meets: () => true } });
  },
  ({ dice }) => {
    const [type, code] = [
      dice.pick(['Observation', 'Condition', 'DocumentReference']),
      dice.pick(CATEGORIES),
    ];
    const meets = ({ category = [] }: Tree) => JSON.stringify(category).includes(`"${code}"`);
    const filter = encodeURIComponent(`${type}?category=${code}`);
    return exported(`$export?_type=${type}&_typeFilter=${filter}`, { holds: { types: [type], meets } });
  },
  ({ dice }) => {
    const type = dice.pick(['Encounter', 'Condition', 'List']);
    return exported(`$export?_type=${type}&_elements=${dice.pick(['subject', 'id', 'code'])}`, {
      holds: { types: [type], meets: () => true },
    });
  },
  ({ dice }) => exported(`${anyLevel(dice)}?${anyWishes(dice)}`),
  ({ dice }) => exported(`${anyLevel(dice)}?${anyWishes(dice)}`),
  ({ dice }) => {
    const type = dice.pick(['Observation', 'Condition', 'Encounter', 'Task']);
    return { ...posted(`${type}/$bulk-delete?_all=true&_dryRun=true`), counts: type };
  },
  ({ dice }) =>
    posted(`$bulk-delete?_type=${anyType(dice)},${anyType(dice)}&_tag=urn:secret%7C&_dryRun=true`),
  ({ dice }) => {
    const type = anyType(dice);
    return { ...posted(`${type}/$bulk-delete?_id=${anyId(type, dice)}`), writes: true };
  },
  ({ dice, secrets }) => {
    const type = anyType(dice);
    const line = serialise(anyResource(type, anyId(type, dice), secrets.next(), dice));
    const headers = { ...ASYNC, 'content-type': 'application/fhir+ndjson' };
    return { line: 'POST $import', ask: { headers, body: Buffer.from(`${line}\n`) }, by: 's', writes: true };
  },
  ({ dice }) => ({ ...posted(`Patient/${dice.pick(PATIENTS)}/$purge?_dryRun=true`), needsAll: 'sd' }),
];

export function anyJob(asking: Asking): AskedJob {
  return asking.dice.pick(JOBS)(asking);
}

/** One of each kind, to see what there is. */
export function everyJob(asking: Asking): readonly AskedJob[] {
  return [
    ...JOBS.map((make) => make(asking)),
    ...['', 'Patient/', 'Group/group-1/'].map((at) => exported(`${at}$export`)),
  ];
}

function exported(path: string, more: Pick<AskedJob, 'holds'> = {}): AskedJob {
  return { line: `GET ${path}`, ask: { headers: ASYNC }, by: 's', ...more };
}

function posted(path: string): AskedJob {
  return { line: `POST ${path}`, ask: { headers: ASYNC }, by: 's' };
}

function anyLevel(dice: Dice): string {
  return dice.pick(['$export', 'Patient/$export', `Group/${anyId('Group', dice)}/$export`]);
}

function anyWishes(dice: Dice): string {
  const wishes = [
    () => `_type=${anyType(dice)},${anyType(dice)},Observation,Provenance`,
    () => `_typeFilter=${encodeURIComponent(dice.pick(FILTERS))}`,
    () => `_elements=${dice.pick(['id', 'status,subject', 'Observation.code'])}`,
    () => `includeAssociatedData=${dice.pick(['Latest', 'Relevant'])}ProvenanceResources`,
    () => `patient=Patient/${dice.pick(PATIENTS)}`,
    () => dice.pick([EVER, 'organizeOutputBy=Patient']),
  ];
  return [...new Set(dice.some(4, () => dice.pick(wishes)))].map((wish) => wish()).join('&');
}

/** The job is done, its files are read, and it is taken away. */
export async function carriedOut({ line, ask }: AskedJob, asker: World): Promise<Done> {
  const begun = await asker.ask(line, ask);
  if (begun.status !== 202) return { begun, lines: [] };
  await asker.runJobs();
  const status = below(begun.headers['content-location'] ?? '');
  const first = await asker.ask(`GET ${status}`);
  const manifest = first.status === 202 ? await asker.ask(`GET ${status}`) : first;
  if (manifest.status !== 200) throw new Error(`the job failed: ${manifest.text}`);
  const lists = JSON.parse(manifest.text) as Readonly<Record<string, unknown>>;
  const lines: string[] = [];
  for (const list of ['output', 'deleted', 'error']) {
    for (const { url } of filesIn(lists[list])) {
      const file = await asker.ask(`GET ${below(url)}`);
      if (file.status !== 200) throw new Error(`a file of one's own is not given: ${file.text}`);
      lines.push(...file.text.trim().split('\n'));
    }
  }
  await asker.ask(`DELETE ${status}`);
  return { begun, manifest, lines };
}

/** Of imports and deletes `output` and `deleted` are counts. */
function filesIn(list: unknown): readonly Listed[] {
  if (!Array.isArray(list)) return [];
  return list.filter((one: Partial<Listed>): one is Listed => one.url?.includes('/_jobs/') === true);
}

/** `Type/id` of what a line tells of without being it: deletions, and the headers of records. */
export function namedIn(line: string): readonly string[] {
  const { resourceType, entry, parameter } = JSON.parse(line) as JsonObject;
  if (resourceType === 'Parameters')
    return (parameter as unknown as { valueReference: { reference: string } }[]).map(
      (one) => one.valueReference.reference,
    );
  if (resourceType !== 'Bundle') return [];
  const deleted = (entry ?? []) as unknown as readonly { readonly request?: { readonly url: string } }[];
  return deleted.flatMap(({ request }) => request?.url ?? []);
}

/**
 * Whom the lines of an import mean, where its kick-off names systems of identifiers: a line that carries an identifier which
 * a resource of the store has, or a line before it, is a new state of that resource, whatever id it came with.
 *
 *   all lines of such types ─▶ ids that become others, a file of the job ─▶ ids and references of every line
 *
 * Invariant: found before the first line is stored, so that a reference means the same in every line and every process.
 * What the asker could not find by a search is not found here. A line that could mean several is refused.
 */
import { isObject, type JsonObject, type JsonValue, type ResourceObject } from '../../fhir/format/json.js';
import { Refusal } from '../../fhir/outcome.js';
import { parseReference } from '../../fhir/reference.js';
import { rewriteLinks } from '../../fhir/reference-walk.js';
import {
  type IdentitiesFile,
  type ImportPart,
  type ImportSpec,
  type MatchRule,
  writeImport,
} from '../../interactions/import/import-spec.js';
import type { NewPart, PartOutcome } from '../../ports/jobs.js';
import type { Workbench } from '../job-kind.js';
import { documentsIn, UnreadableFile, UnreadableText } from '../load-documents.js';
import type { Meaning } from '../load-resources.js';
import { lineIds, WHOLE } from './import-work.js';
import { BrokenOff, openInput } from './input-source.js';

/** Identifiers that are kept in mind, and ids that become others: each some hundred bytes. */
const MOST = 500_000;
/** Of two it is not said which is meant. */
const SEVERAL = '';

/** The file: a line each, `Patient their-id our-id`, or `Patient their-id` where several are meant. */
export class Identities implements Meaning {
  readonly #ids: ReadonlyMap<string, string>;
  readonly #baseUrl: string;

  constructor(ids: ReadonlyMap<string, string>, baseUrl: string) {
    this.#ids = ids;
    this.#baseUrl = baseUrl;
  }

  static async read({ name, size }: IdentitiesFile, job: string, { parts }: Workbench): Promise<Identities> {
    const pieces: Buffer[] = [];
    for await (const piece of parts.jobs.blobs.read(`jobs/${job}/${name}`, 0, size)) pieces.push(piece);
    const ids = new Map<string, string>();
    for (const line of Buffer.concat(pieces).toString().split('\n')) {
      const [type, from, to = SEVERAL] = line.split(' ');
      if (from !== undefined) ids.set(`${type}/${from}`, to);
    }
    return new Identities(ids, parts.baseUrl);
  }

  id(type: string, id: string): string {
    const found = this.#ids.get(`${type}/${id}`);
    if (found === SEVERAL) {
      throw new Refusal(
        'condition-ambiguous',
        'Its identifiers are those of several resources: it is not clear whose new state it is.',
      );
    }
    return found ?? id;
  }

  rewritten(resource: ResourceObject, definitions: Parameters<Meaning['rewritten']>[1]): ResourceObject {
    if (this.#ids.size === 0) return resource;
    return rewriteLinks(resource, definitions, ({ kind, text }) => {
      if (kind !== 'reference') return undefined;
      const parsed = parseReference(text, this.#baseUrl);
      if (parsed.kind !== 'local') return undefined;
      const to = this.#ids.get(`${parsed.type}/${parsed.id}`);
      // Versions are counted anew under the other id.
      return to === undefined || to === SEVERAL ? undefined : `${parsed.type}/${to}`;
    });
  }
}

/** The part that comes before all inputs. */
export async function identify(
  spec: ImportSpec,
  job: Identifying['job'],
  bench: Workbench,
): Promise<PartOutcome> {
  const search = new Identifying(spec, job, bench);
  const etags: (string | undefined)[] = [];
  for (const [at, input] of spec.inputs.entries()) {
    const isMeant = input.kind === 'body' || spec.match.some(({ type }) => type === input.type);
    etags.push(isMeant ? await search.input(at) : undefined);
  }
  const identities = await search.written();
  const next = spec.inputs.map((_input, at): NewPart => {
    const etag = etags[at];
    const part: ImportPart = {
      step: 'input',
      input: at,
      identities,
      ...(etag === undefined ? {} : { etag }),
    };
    return { spec: writeImport(part), total: WHOLE };
  });
  return { result: '', next };
}

class Identifying {
  readonly #spec: ImportSpec;
  readonly #bench: Workbench;
  readonly job: { readonly id: string; readonly time: number };
  /** Ids by identifiers, of the store and of the lines so far. */
  readonly #known = new Map<string, string>();
  readonly #changed = new Map<string, string>();

  constructor(spec: ImportSpec, job: Identifying['job'], bench: Workbench) {
    this.#spec = spec;
    this.job = job;
    this.#bench = bench;
  }

  /** Answers which state of the input this was. What cannot be read is left: storing it tells of that. */
  async input(at: number): Promise<string | undefined> {
    const { lineLimit: line, fileLimit: whole } = this.#bench.settings;
    const input = this.#spec.inputs[at] as ImportSpec['inputs'][number]; // one of them
    try {
      const source = await openInput(input, this.job.id, this.#bench);
      for await (const { line: place, content } of documentsIn(source.chunks, 0, true, { line, whole })) {
        if (!(content instanceof UnreadableText) && isObject(content)) await this.#line(at, place, content);
        this.#bench.done(0);
      }
      return source.etag;
    } catch (error) {
      if (error instanceof BrokenOff)
        throw new Refusal('unavailable', `An input could not be read: ${error.message}.`);
      if (error instanceof UnreadableFile) return undefined;
      throw error;
    }
  }

  async written(): Promise<IdentitiesFile> {
    const file = await this.#bench.file('identities');
    for (const [key, to] of this.#changed) {
      const line = `${key.replace('/', ' ')}${to === SEVERAL ? '' : ` ${to}`}\n`;
      await file.write(Buffer.from(line));
    }
    const { size } = await file.close();
    return { name: file.name, size };
  }

  async #line(input: number, line: number, content: JsonObject): Promise<void> {
    const { resourceType: type } = content;
    if (typeof type !== 'string') return;
    const identifiers = identifiersOf(
      content,
      this.#spec.match.filter((rule) => rule.type === type),
    );
    if (identifiers.length === 0) return;
    const own = typeof content.id === 'string' ? content.id : lineIds(this.job, input, line)();
    const found = new Set<string>();
    for (const one of identifiers) for (const id of await this.#having(type, one)) found.add(id);
    const [first, ...others] = found;
    const meant = others.length > 0 ? SEVERAL : (first ?? own);
    if (meant !== own) this.#change(`${type}/${own}`, meant);
    if (meant === SEVERAL) return;
    for (const { system, value } of identifiers) this.#known.set(`${type} ${system}|${value}`, meant);
    if (this.#known.size > MOST || this.#changed.size > MOST) throw tooMany();
  }

  /** The same id with other identifiers in another line: nobody can tell whose references to it are. */
  #change(key: string, to: string): void {
    const before = this.#changed.get(key);
    this.#changed.set(key, before === undefined || before === to ? to : SEVERAL);
  }

  async #having(type: string, { system, value }: Identifier): Promise<readonly string[]> {
    const known = this.#known.get(`${type} ${system}|${value}`);
    if (known !== undefined) return [known];
    const { backend } = this.#bench.parts;
    const where = { op: 'value', param: 'identifier', test: { kind: 'token', system, code: value } } as const;
    return backend.resolve(type, where, this.#spec.asker.access.search, 2);
  }
}

interface Identifier {
  readonly system: string;
  readonly value: string;
}

/** One element in some types, several in most. */
function identifiersOf({ identifier }: JsonObject, rules: readonly MatchRule[]): readonly Identifier[] {
  const all: readonly JsonValue[] = Array.isArray(identifier) ? identifier : [identifier ?? null];
  return all.filter(isObject).flatMap(({ system, value }) => {
    const isMeant = typeof system === 'string' && rules.some((rule) => rule.system === system);
    return isMeant && typeof value === 'string' && value !== '' ? [{ system, value }] : [];
  });
}

function tooMany(): Refusal {
  return new Refusal(
    'too-costly',
    `More than ${MOST.toLocaleString('en-US')} resources are to be matched by their identifiers: import them in several turns.`,
  );
}

/**
 * Lines of an input on their way to a commit: resources that are valid and may be written, as far as can be told before,
 * and what was refused between them.
 *
 * Invariant: a resource stands in a batch once, and a batch holds a few megabytes, or one large resource.
 */
import { isObject, type JsonObject } from '../../fhir/format/json.js';
import { Refusal } from '../../fhir/outcome.js';
import type { Context } from '../../interactions/context.js';
import { permit, permitChange } from '../../interactions/permit.js';
import type { ResourceKey } from '../../ports/backend.js';
import { errorLine } from '../error-lines.js';
import { type LoadDocument, UnreadableText } from '../load-documents.js';
import { type BatchItem, ResourceBatch, readItem } from '../load-resources.js';
import { type ImportWork, lineIds } from './import-work.js';

/** A line that is not stored. */
export interface RefusedLine {
  readonly line: number;
  /** For the error file. */
  readonly text: string;
  /** What the asker may not write: for the audit log. */
  readonly denied?: ResourceKey & { readonly status: number };
}

const MOST_BYTES = 8 * 1024 * 1024;
const MOST_REFUSALS = 1_000;
const DENIALS: ReadonlySet<number> = new Set([403, 404]);

export class LineBatch {
  /** What the asker may do; nothing is committed by it. */
  readonly context: Context;
  readonly #input: number;
  readonly #work: ImportWork;
  readonly #resources = new ResourceBatch<number>();
  readonly #refusals: RefusedLine[] = [];
  #bytes = 0;
  #last = 0;

  constructor(input: number, work: ImportWork) {
    const { parts } = work.bench;
    const { access, requestId } = work.spec.asker;
    const knowledge = parts.knowledge.latest();
    this.context = { ...parts, knowledge, access, requestId, deadline: Number.POSITIVE_INFINITY };
    this.#input = input;
    this.#work = work;
  }

  get items(): readonly BatchItem<number>[] {
    return this.#resources.items;
  }

  get refusals(): readonly RefusedLine[] {
    return this.#refusals;
  }

  /** All lines up to this one are in it, or were before it. */
  get last(): number {
    return this.#last;
  }

  get isEmpty(): boolean {
    return this.#last === 0;
  }

  get isFull(): boolean {
    return this.#bytes > MOST_BYTES || this.#refusals.length >= MOST_REFUSALS;
  }

  /** The line as a resource that may be stored; throws a Refusal. */
  async item(document: LoadDocument): Promise<BatchItem<number>> {
    const { line } = document;
    const content = this.object(document);
    const { resourceType, id } = content;
    if (
      typeof resourceType === 'string' &&
      this.context.knowledge.definitions.resourceTypes.has(resourceType)
    )
      this.#checkPermitted(resourceType);
    if (id === undefined && this.#work.spec.mode === 'upsert') throw withoutId();
    const { meaning } = this.#work;
    const item = readItem(content, line, this.idsOf(line), this.context, meaning);
    if (id !== undefined || meaning !== undefined) await permitChange(item.write, 'update', this.context);
    return item;
  }

  /** The line as a JSON object of the type that its input is said to be of. */
  object({ content }: LoadDocument): JsonObject {
    if (content instanceof UnreadableText)
      throw new Refusal('malformed-json', `The line is left out: ${content.reason}.`);
    if (!isObject(content)) throw new Refusal('invalid-resource', 'The line is no JSON object.');
    const input = this.#work.spec.inputs[this.#input];
    if (input !== undefined && input.kind !== 'body' && content.resourceType !== input.type) {
      throw new Refusal('type-mismatch', `The line is no ${input.type}, which its input is said to hold.`);
    }
    return input?.kind === 'file' && input.holds === 'resources'
      ? withSource(content, input.source)
      : content;
  }

  /** False where it is full, or has this resource already. */
  accepts({ write }: BatchItem<number>): boolean {
    return this.#resources.accepts(write);
  }

  add(item: BatchItem<number>, { line, size }: LoadDocument): void {
    this.#resources.add(item);
    this.#bytes += size;
    this.#last = line;
  }

  refuse({ line, content }: LoadDocument, refusal: Refusal): void {
    const text = errorLine(refusal.issues, placeOf(line, content));
    const denied = DENIALS.has(refusal.status) ? keyOf(content) : undefined;
    this.#refusals.push({
      line,
      text,
      ...(denied === undefined ? {} : { denied: { ...denied, status: refusal.status } }),
    });
    this.#last = line;
  }

  /** For what a line makes that has no id: the same whenever the line is taken. */
  idsOf(line: number): () => string {
    return lineIds(this.#work.claim.job, this.#input, line);
  }

  #checkPermitted(type: string): void {
    permit(this.context, type, 'create', 'update');
    if (type === 'AuditEvent' && this.context.auditing !== undefined) {
      throw new Refusal('forbidden', 'The server itself writes AuditEvents: they cannot be imported.');
    }
  }
}

/** `line 7: Patient/1`, where the line has got so far. */
export function placeOf(line: number, content: LoadDocument['content']): string {
  const key = keyOf(content);
  return key === undefined ? `line ${line}` : `line ${line}: ${key.type}/${key.id}`;
}

const NAME = /^[A-Za-z]{1,64}$/;
const ID = /^[A-Za-z0-9\-.]{1,64}$/;

function keyOf(content: LoadDocument['content']): ResourceKey | undefined {
  if (content instanceof UnreadableText || !isObject(content)) return undefined;
  const { resourceType: type, id } = content;
  return typeof type === 'string' && NAME.test(type) && typeof id === 'string' && ID.test(id)
    ? { type, id }
    : undefined;
}

/** https://hl7.org/fhir/R4/resource-definitions.html#Meta.source; whatever else the resource says of itself stands. */
function withSource(content: JsonObject, source: string): JsonObject {
  const { meta = {} } = content;
  if (!isObject(meta) || meta.source !== undefined) return content;
  return { ...content, meta: { ...meta, source } };
}

function withoutId(): Refusal {
  return new Refusal(
    'id-invalid',
    'The resource has no id, under which it would be stored: give it one, or import with mode load.',
  );
}

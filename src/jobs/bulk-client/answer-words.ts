/**
 * What a server answered, in plain words: the issues of its OperationOutcome where it sent one.
 *
 * Invariant: of text from outside no control characters reach a terminal, and no more than a few lines.
 */
import { isObject, type JsonObject, type JsonValue } from '../../fhir/format/json.js';
import { JsonSyntaxError, parseJson } from '../../fhir/format/parse.js';
import { FetchError } from '../../net/fetch-error.js';
import type { Fetched } from '../../net/fetcher.js';

const MOST_BYTES = 65_536;
const MOST_CHARACTERS = 300;
const MOST_ISSUES = 5;

export interface IssueWords {
  readonly severity: string;
  readonly code: string;
  readonly text: string;
}

export interface AnswerWords {
  /** `400: _type: Observatio is not a resource type` */
  readonly text: string;
  readonly issues: readonly IssueWords[];
}

/** Reads and gives up the answer's body. */
export async function wordsOf(answer: Fetched): Promise<AnswerWords> {
  const body = await beginning(answer);
  const issues = isObject(body) ? issueWords(body) : [];
  const said = issues.length > 0 ? issues.slice(0, MOST_ISSUES).map(({ text }) => text) : oauthWords(body);
  const text = [String(answer.status), ...(said.length === 0 ? [] : [said.join('; ')])].join(': ');
  return { text, issues };
}

/** The issues of an OperationOutcome; none of anything else. */
export function issueWords({ resourceType, issue }: JsonObject): readonly IssueWords[] {
  if (resourceType !== 'OperationOutcome' || !Array.isArray(issue)) return [];
  return issue.filter(isObject).map((one) => {
    const details = isObject(one.details) ? one.details : {};
    const code = textOf(one.code) ?? 'unknown';
    const text = textOf(details.text) ?? textOf(one.diagnostics) ?? codedText(details) ?? code;
    return { severity: textOf(one.severity) ?? 'error', code, text };
  });
}

function codedText({ coding }: JsonObject): string | undefined {
  const [first] = Array.isArray(coding) ? coding : [];
  return isObject(first) ? (textOf(first.display) ?? textOf(first.code)) : undefined;
}

/** https://www.rfc-editor.org/rfc/rfc6749#section-5.2 */
function oauthWords(body: JsonValue | undefined): readonly string[] {
  if (!isObject(body)) return [];
  return [textOf(body.error), textOf(body.error_description)].filter((text) => text !== undefined);
}

/** The body's JSON; undefined where it is something else, too long, or breaks off. */
async function beginning(answer: Fetched): Promise<JsonValue | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of answer.body) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > MOST_BYTES) return undefined;
    }
    return parseJson(Buffer.concat(chunks).toString());
  } catch (error) {
    if (error instanceof JsonSyntaxError || error instanceof FetchError) return undefined; // the status says enough
    throw error;
  } finally {
    answer.discard();
  }
}

function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? oneLine(value) : undefined;
}

/** Text from outside as a part of a line. */
export function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
  const plain = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim();
  return plain.length > MOST_CHARACTERS ? `${plain.slice(0, MOST_CHARACTERS)}…` : plain;
}

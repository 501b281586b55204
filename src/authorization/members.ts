/**
 * Members of a JSON object that somebody sent, read one by one; what is wrong with them gathers, so that all of it is told at
 * once.
 */
import type { JsonObject } from '../fhir/format/json.js';

export class Members {
  /** One sentence each, with the name of the member first. */
  readonly problems: string[] = [];
  readonly #body: JsonObject;

  constructor(body: JsonObject) {
    this.#body = body;
  }

  say(member: string, what: string): void {
    this.problems.push(`${member}: ${what}.`);
  }

  /** Says of all others that they are not taken. */
  only(...names: readonly string[]): void {
    for (const member of Object.keys(this.#body)) {
      if (!names.includes(member)) {
        this.say(member, names.length === 0 ? 'nothing is taken here' : `there is ${names.join(', ')}`);
      }
    }
  }

  text(member: string): string | undefined {
    const value = this.#body[member];
    if (value === undefined || typeof value === 'string') return value;
    this.say(member, 'this has to be a text');
    return undefined;
  }

  texts(member: string): readonly string[] | undefined {
    const value = this.#body[member];
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value;
    this.say(member, 'this has to be a list of texts');
    return undefined;
  }

  oneOf(member: string, offered: readonly string[]): string | undefined {
    const value = this.text(member);
    if (value !== undefined && !offered.includes(value)) this.#notOffered(member, value, offered);
    return value;
  }

  listOf(member: string, offered: readonly string[]): readonly string[] | undefined {
    const values = this.texts(member);
    const others = values?.filter((each) => !offered.includes(each)) ?? [];
    if (others.length > 0) this.#notOffered(member, others.join(' '), offered);
    return values;
  }

  #notOffered(member: string, value: string, offered: readonly string[]): void {
    const there = offered.length === 0 ? 'leave it out, or empty' : `there is ${offered.join(', ')}`;
    this.say(member, `${value} is not offered: ${there}`);
  }
}

/**
 * JSON in which what is the same stands once: access filters say the same of a hundred types, and written out they are
 * megabytes.
 *
 *   [ node, node, …, root ]      a node is an array or an object whose own arrays and objects are `{"=": place of the node}`
 *
 * Invariant: what is read shares what was the same when it was written, so nobody may change it.
 */

/** `value`: plain data. What is undefined is left out, as in JSON. */
export function writeShared(value: object): string {
  const nodes = new Nodes();
  nodes.placeOf(value);
  return `[${nodes.texts.join()}]`;
}

/** `text`: made by writeShared. The caller says of which shape it was. */
export function readShared<T extends object>(text: string): T {
  const nodes = JSON.parse(text) as object[]; // made by writeShared
  for (const node of nodes) {
    for (const [name, inner] of Object.entries(node)) {
      if (typeof inner === 'object' && inner !== null)
        (node as Record<string, unknown>)[name] = nodes[(inner as { '=': number })['=']];
    }
  }
  return nodes.at(-1) as T;
}

class Nodes {
  readonly texts: string[] = [];
  readonly #byText = new Map<string, number>();
  readonly #byObject = new Map<object, number>();

  placeOf(value: object): number {
    const place = this.#byObject.get(value) ?? this.#placeOfText(this.#textOf(value));
    this.#byObject.set(value, place);
    return place;
  }

  #placeOfText(text: string): number {
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    this.#byText.set(text, this.texts.length);
    return this.texts.push(text) - 1;
  }

  #textOf(value: object): string {
    if (Array.isArray(value)) return `[${value.map((one: unknown) => this.#piece(one) ?? 'null').join()}]`;
    const properties = Object.entries(value).map(
      ([name, one]: [string, unknown]) => [name, this.#piece(one)] as const,
    );
    return `{${properties.flatMap(([name, text]) => (text === undefined ? [] : [`${JSON.stringify(name)}:${text}`])).join()}}`;
  }

  #piece(value: unknown): string | undefined {
    return typeof value === 'object' && value !== null
      ? `{"=":${this.placeOf(value)}}`
      : JSON.stringify(value);
  }
}

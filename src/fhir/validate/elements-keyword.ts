/**
 * The keyword `elements`: one walk over the properties of an object, each through the schema of its name.
 *
 *   for (const key in data) {
 *     if (key === "gender") { … } else if (key === "_gender") { … } … else { unknown }
 *   }
 *
 * Invariant: only properties that are there cost time; Extension alone could have a hundred.
 */
import { _, type Code, type KeywordCxt, type Name } from 'ajv';
import { isObject } from '../format/json.js';
import { breakWhenFull, report } from './emit.js';
import type { TypeSchema } from './type-schema.js';

/** Variables that follow a choice: the property that was met, and whether there was another one. */
interface Choice {
  readonly met: Name;
  readonly several: Name;
}
type Choices = ReadonlyMap<string, Choice>;

export function elementsKeyword(cxt: KeywordCxt): void {
  const { gen, data } = cxt;
  const schema = cxt.parentSchema as TypeSchema; // this keyword stands in what type-schema.ts makes
  gen.if(_`!${gen.scopeValue('func', { ref: isObject })}(${data})`);
  report(cxt, _`{kind: "not-object", value: ${data}}`);
  gen.else();
  const choices = choicesOf(cxt, schema);
  const empty = gen.let('empty', true);
  gen.forIn('key', data, (key) => {
    gen.assign(empty, false);
    breakWhenFull(cxt);
    walk(cxt, schema, key, choices);
  });
  gen.if(empty);
  report(cxt, _`{kind: "empty-object"}`);
  gen.else();
  conclude(cxt, schema, choices);
  gen.endIf();
  gen.endIf();
}

function choicesOf({ gen }: KeywordCxt, { elements }: TypeSchema): Choices {
  const names = Object.values(elements).flatMap((place) => (place === true ? [] : (place.choice ?? [])));
  return new Map(
    [...new Set(names)].map((name) => [
      name,
      { met: gen.let('met', _`""`), several: gen.let('several', false) },
    ]),
  );
}

function walk(cxt: KeywordCxt, { elements, typeName }: TypeSchema, key: Name, choices: Choices): void {
  const { gen } = cxt;
  let first = true;
  for (const [name, place] of Object.entries(elements)) {
    if (first) gen.if(_`${key} === ${name}`);
    else gen.elseIf(_`${key} === ${name}`);
    first = false;
    if (place === true) continue;
    const choice = choices.get(place.choice ?? '');
    if (choice !== undefined) follow(cxt, name, choice);
    cxt.subschema({ keyword: 'elements', schemaProp: name, dataProp: name }, gen.name('valid'));
  }
  gen.else();
  report(cxt, _`{kind: "unknown", name: ${key}, type: ${typeName}}`);
  gen.endIf();
}

/** `_valueString` and `valueString` are one. */
function follow({ gen }: KeywordCxt, property: string, { met, several }: Choice): void {
  const name = property.startsWith('_') ? property.slice(1) : property;
  gen.if(
    _`${met} === ""`,
    () => gen.assign(met, _`${name}`),
    () => gen.if(_`${met} !== ${name}`, () => gen.assign(several, true)),
  );
}

/** What is missing, and what is there twice. */
function conclude(cxt: KeywordCxt, { mandatory, typeName }: TypeSchema, choices: Choices): void {
  const { gen, data } = cxt;
  for (const { element, choice, properties } of mandatory) {
    const met = choice ? choices.get(element)?.met : undefined;
    const absent = met === undefined ? allUndefined(data, properties) : _`${met} === ""`;
    const finding = _`{kind: "missing", element: ${element}, choice: ${choice}, type: ${typeName}}`;
    gen.if(absent, () => report(cxt, finding));
  }
  for (const [element, { several }] of choices) {
    gen.if(several, () => report(cxt, _`{kind: "several-types", element: ${element}, type: ${typeName}}`));
  }
}

function allUndefined(data: Name, properties: readonly string[]): Code {
  return properties
    .map((property) => _`${data}[${property}] === undefined`)
    .reduce((all, one) => _`${all} && ${one}`);
}

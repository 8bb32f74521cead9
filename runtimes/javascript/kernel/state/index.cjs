'use strict';
// The state of this kernel: its variables as one stream, written between two cells and taken in before the first one. Node cannot fork:
// the values are turned into bytes at once, within bounds, and the bytes go out while the next cell may run.

const v8 = require('node:v8');
const builtins = require('./builtins.cjs');
const { CannotKeep, Encoder, typeOf } = require('./encode.cjs');
const { Decoder } = require('./decode.cjs');
const { Scopes } = require('./scopes.cjs');
const stream = require('./stream.cjs');

const savedFd = 6;
const givenFd = 7;
/** The share of its deadline that a snapshot may keep the kernel from its next cell. */
const share = 0.3;
const maxKept = 2000;
const maxLosses = 3000;
const word = (text, most = 200) =>
  String(text)
    .slice(0, 4 * most)
    .replace(/[^\p{L}\p{N}\p{P}\p{S} ]+/gu, ' ')
    .slice(0, most);

class KernelState {
  #scopes;
  #environment = { ...process.env };
  #prepareStack;
  /** Names that were lost with an earlier sandbox: {type, reason}. */
  #lost = new Map();

  #declareAll;

  /** `ask`: asks the inspector's session what it answers at once; `post`: what takes its time. */
  constructor(ask, post) {
    this.#scopes = new Scopes(ask);
    // Only names that a console has declared can be declared again by later cells.
    this.#declareAll = (expression) => post('Runtime.evaluate', { expression, replMode: true });
  }

  /** Call it before the first cell. */
  begin() {
    builtins.begin();
    this.#prepareStack = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace')?.value;
  }

  /** @returns whether a stream follows */
  save({ snapshot, deadline_ms: deadlineMs, max_bytes: maxBytes }) {
    let made;
    try {
      made = this.#encode(performance.now() + deadlineMs * share);
    } catch {
      return false;
    } finally {
      this.#scopes.release();
    }
    const { table, buffers, report } = made;
    const body = v8.serialize(table);
    const bytes = buffers.reduce((sum, { byteLength }) => sum + byteLength, body.byteLength);
    const head = { format: 1, token: snapshot, kernel: 'javascript', versions: { node: process.version }, report };
    const written =
      bytes > maxBytes || buffers.length > stream.maxBuffers
        ? stream.writeFailure(savedFd, 'failed', 'the state would become too large')
        : stream.write(savedFd, head, body, buffers);
    written.catch(() => {});
    return true;
  }

  /** Resolves with the report, or with undefined where nothing could be taken in. */
  async restore() {
    const write = [process.stdout.write, process.stderr.write];
    // Static blocks of classes run again.
    process.stdout.write = process.stderr.write = () => true;
    try {
      const { head, body, buffers } = stream.read(givenFd);
      return await this.#decode(v8.deserialize(body), buffers, head.report);
    } catch {
      return undefined;
    } finally {
      [process.stdout.write, process.stderr.write] = write;
      this.#scopes.release();
    }
  }

  /** Adds to a ReferenceError that its name was lost, and why. */
  explain(error) {
    if (!(error instanceof ReferenceError) || !this.#lost.size) return;
    const name = /^(\S+) is not defined$/.exec(error.message)?.[1];
    const lost = this.#lost.get(name);
    if (!lost) return;
    const more = `; a ${lost.type} of that name was lost when the sandbox of this session ended (${lost.reason})`;
    error.stack = String(error.stack).replace(error.message, `${error.message}${more}`);
    error.message += more;
  }

  #encode(endsAt) {
    const encoder = new Encoder(this.#scopes, builtins.addresses(), endsAt, this.#prepareStack);
    const report = { variables: 0, kept: [], partial: [], lost: [], redefined: [], ambient: [] };
    const variables = [];
    for (const { name, kind, read } of this.#variables()) {
      let value;
      try {
        value = read();
      } catch {
        continue; // It was never given a value.
      }
      const type = typeOf(value);
      try {
        const { code, lost } = encoder.add(value);
        variables.push({ name, kind, code, type });
        if (lost.length)
          report.partial.push({ name: word(name, 256), type: word(type), lost: [...new Set(lost)].slice(0, 16) });
        else if (report.kept.push({ name: word(name, 256), type: word(type) })) report.variables++;
      } catch (error) {
        report.lost.push({
          name: word(name, 256),
          type: word(type),
          reason: word(error instanceof CannotKeep ? error.message : error?.name),
        });
      }
    }
    report.kept.length = Math.min(report.kept.length, maxKept);
    bound(report);
    const patches = builtins.patches().flatMap(({ owner, name, value }) => {
      try {
        return [{ owner, name, code: encoder.add(value).code }];
      } catch {
        report.ambient.push(word(`${owner}.prototype.${name}`));
        return [];
      }
    });
    const environment = Object.entries(process.env).filter(([name, value]) => this.#environment[name] !== value);
    const gone = Object.keys(this.#environment).filter((name) => !(name in process.env));
    const table = {
      records: encoder.records,
      groups: encoder.groupTable(),
      shapes: [...encoder.shapes.keys()].map((keys) => JSON.parse(keys)),
      variables,
      patches,
      environment,
      gone,
      folder: process.cwd(),
    };
    return { table, buffers: encoder.buffers, report };
  }

  /** [{name, kind, read}] of what cells have declared, and of what they gave the global object. */
  *#variables() {
    for (const name of this.#scopes.names()) {
      const kind = this.#isConstant(name) ? 'const' : 'let';
      yield { name, kind, read: () => this.#scopes.evaluate(name) };
    }
    for (const name of builtins.added())
      yield { name, kind: 'global', read: () => Object.getOwnPropertyDescriptor(globalThis, name).value };
  }

  #isConstant(name) {
    try {
      this.#scopes.evaluate(`() => { ${name} = ${name}; }`)();
      return false;
    } catch (error) {
      return error instanceof TypeError;
    }
  }

  async #decode(table, buffers, before) {
    const { variables, patches, environment, gone, folder } = table;
    for (const name of gone) delete process.env[name];
    Object.assign(process.env, Object.fromEntries(environment));
    try {
      process.chdir(folder);
    } catch {
      before.ambient.push('folder');
    }
    const named = Map.groupBy(variables, ({ code }) => (Array.isArray(code) ? code[0] : undefined));
    const declared = new Map();
    const declare = (variable, value) => {
      if (declared.has(variable)) return;
      declared.set(variable, value);
      // Found by its name from here on, by way of the global object.
      Object.defineProperty(globalThis, variable.name, { value, writable: true, enumerable: true, configurable: true });
    };
    // Classes and functions ask for each other by their names.
    const created = (id, value) => {
      for (const variable of named.get(id) ?? []) declare(variable, value);
    };
    const decoder = new Decoder(table, buffers, this.#scopes, created);
    const lost = new Map(before.lost.map((each) => [each.name, each]));
    const take = ({ name, type, code }, use) => {
      try {
        use(decoder.value(code));
      } catch (error) {
        lost.set(name, { name: word(name, 256), type: word(type), reason: word(`${error?.name}: ${error?.message}`) });
      }
    };
    for (const { owner, name, code } of patches)
      take({ name: `${owner}.prototype.${name}`, type: 'function', code }, (value) => {
        Object.defineProperty(globalThis[owner].prototype, name, {
          value,
          writable: true,
          configurable: true,
          enumerable: false,
        });
      });
    for (const variable of variables) take(variable, (value) => declare(variable, value));
    await this.#declare([...declared].filter(([{ kind }]) => kind !== 'global'));
    this.#lost = lost;
    const isThere = ({ name }) => !lost.has(name);
    return {
      ...before,
      variables: before.kept.filter(isThere).length,
      kept: before.kept.filter(isThere),
      partial: before.partial.filter(isThere),
      lost: [...lost.values()],
    };
  }

  /** Makes names of the global object those of declarations, as cells had them. */
  async #declare(variables) {
    const given = variables.map(([, value]) => value);
    for (const [{ name }] of variables) delete globalThis[name];
    globalThis.__look = given;
    try {
      await this.#declareAll(
        `${variables.map(([{ name, kind }], at) => `${kind} ${name} = globalThis.__look[${at}];`).join(' ')} undefined`,
      );
    } finally {
      delete globalThis.__look;
    }
  }
}

function bound(report) {
  for (const key of ['lost', 'partial']) {
    const left = report[key].length - maxLosses;
    if (left <= 0) continue;
    report[key].length = maxLosses;
    report.lost.push({ name: '…', type: '', reason: `and ${left} more` });
  }
}

module.exports = { KernelState };
